"""The figure fits draws what advpredict prints."""

import pytest
from making_fits import approx, bands, curve, fit3

from advlib.figures import kinds
from advlib.laws.predict import prediction_rows


@pytest.mark.parametrize("by", ["model", "dataset"])
def test_fits_draw_what_advpredict_prints(by):
    fit = fit3()
    panels = kinds.draw("fits", [fit], by=by).axes
    assert [p.get_title() for p in panels] == (
        ["wrn-0", "wrn-1", "wrn-2"] if by == "model" else ["good", "bad"]
    )
    x, y = curve(panels[0], "good" if by == "model" else "wrn-0")
    samples = x if by == "model" else x / (fit.k * 6e6)
    rows = list(prediction_rows([fit], [6e6], samples.tolist(), [1.65]))
    _, low, high = bands(panels[0])[0]
    assert y == approx([row["loss"] for row in rows])
    assert low == approx([row["loss_low"] for row in rows])
    assert high == approx([row["loss_high"] for row in rows])
    markers = {
        line.get_marker(): line for p in panels for line in p.lines if line.get_marker() != "None"
    }
    assert markers.keys() == {"o", "s", "X", "D"}  # a marker each role
    assert markers["s"].get_markerfacecolor() == "white" != markers["o"].get_markerfacecolor()
