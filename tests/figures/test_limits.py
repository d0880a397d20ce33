"""The figure limits follows the law, its draws and its ceiling, and shows runs."""

import numpy as np
import pytest
from making_fits import RANGE, RUNS, approx, bands, curve, fit2, fit3, interval

from advlib.figures import kinds
from advlib.figures.limits import HUMAN


def test_limits_follow_the_law_its_draws_and_its_ceiling():
    fit = fit3()
    (axes,) = kinds.draw("limits", [fit], flops=RANGE).axes
    x, y = curve(axes, "good")
    best = fit.law(fit.best, 1.65)
    assert (x[0], x[-1]) == pytest.approx(RANGE)
    assert y == pytest.approx([fit.best.accuracy(best.optimum(c).loss) for c in x])
    low, high = interval(fit, lambda m, c: m.accuracy(fit.law(m, 1.65).optimum(c).loss), x)
    _, (at, drawn_low, drawn_high) = bands(axes)  # FID 0 is drawn first
    assert [at, drawn_low, drawn_high] == approx([x, low, high])
    levels = {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    assert levels == {*HUMAN.values()} | {
        fit.best.accuracy(fit.law(fit.best, f).floor) for f in (0, 1.65)
    }
    _, points = curve(axes, "runs on good")
    data = fit.document["data"]
    assert list(points) == [
        a for a, name in zip(data["accuracy"], data["dataset"], strict=True) if name == "good"
    ]


def test_limits_show_runs_by_accuracy_and_else_by_autoattack():
    (axes,) = kinds.draw("limits", [fit2()], flops=RANGE, runs=RUNS).axes
    for label, shown in (("runs", [0.7]), ("runs (AutoAttack)", [0.71])):
        (line,) = (line for line in axes.lines if line.get_label() == label)
        y = line.get_ydata()
        assert y[~np.isnan(y)].tolist() == shown
        assert line.get_xdata()[0] == pytest.approx(7822 * 1e8 * 1e8)


def test_people_stand_where_a_score_puts_them():
    levels = {"average human": 0.8, "average human, valid images": 0.93}
    (axes,) = kinds.draw("limits", [fit3()], flops=RANGE, human=levels).axes
    heights = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert set(levels.values()) <= set(heights) and HUMAN["average human"] not in heights
    assert "average human, valid images 93.00 %" in [text.get_text() for text in axes.texts]
