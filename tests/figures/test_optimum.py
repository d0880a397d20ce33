"""The figure optimum: contours of the law, and the line that spends the budget."""

import numpy as np
import pytest
from making_fits import approx, curve, fit3, interval

from advlib.figures import kinds


def test_optimum_line_spends_the_budget_and_contours_are_of_the_law():
    fit = fit3()
    figure = kinds.draw("optimum", [fit], datasets=["bad"], flops=[1e18, 1e20, 1e22])
    axes, law = figure.axes[0], fit.law(fit.best, 14.26)
    params, samples = curve(axes, "compute-optimal")
    assert params * samples * fit.k == approx([1e18, 1e20, 1e22])
    assert params == approx([law.optimum(c).params for c in (1e18, 1e20, 1e22)])
    (area,) = axes.patches
    low, high = interval(fit, lambda m, c: fit.law(m, 14.26).optimum(c).params, (1e18, 1e20, 1e22))
    assert area.get_xy()[:6, 0] == approx(np.r_[low, high[::-1]])
    contours = [c for c in axes.collections if hasattr(c, "levels")]
    for level, path in zip(contours[0].levels, contours[0].get_paths(), strict=True):
        if len(path.vertices):
            assert fit.law(fit.best, 14.26, np).loss(*path.vertices.T) == pytest.approx(
                level, rel=1e-3
            )
    shown = sum(len(c.get_offsets()) for c in axes.collections if "run" in str(c.get_label()))
    assert shown == fit.document["data"]["dataset"].count("bad")
