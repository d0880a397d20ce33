"""The figure residuals shows logarithms of observed over predicted losses."""

import math

import numpy as np
import pytest
from making_fits import fit3

from advlib.figures import kinds


def test_residuals_are_logs_of_observed_over_predicted():
    fit = fit3()
    data = fit.document["data"]
    expected = sorted(
        math.log(loss / fit.law(fit.best, fid).loss(n, d))
        for loss, fid, n, d in zip(
            *(data[c] for c in ("loss", "fid", "params", "samples")), strict=True
        )
    )
    axes = kinds.draw("residuals", [fit]).axes
    for panel in axes:
        points = [line for line in panel.lines if line.get_linestyle() == "None"]
        assert sorted(np.concatenate([p.get_ydata() for p in points])) == pytest.approx(expected)
        filled = [len(p.get_xdata()) for p in points if p.get_markerfacecolor() != "none"]
        assert sum(filled) == data["role"].count("fitted")
    level = {line.get_ydata()[0] for line in axes[0].lines if len(set(line.get_ydata())) == 1}
    assert level.issuperset((0, 0.001, -0.001))
