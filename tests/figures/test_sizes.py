"""The figure sizes has a curve for each quality."""

from making_fits import RANGE, approx, bands, curve, fit3

from advlib.figures import kinds


def test_sizes_have_a_curve_each_quality():
    fit = fit3()
    (axes,) = kinds.draw("sizes", [fit], flops=RANGE).axes
    for label, fid in (("perfect data", 0.0), ("good", 1.65), ("bad", 14.26)):
        x, y = curve(axes, label)
        assert y == approx([fit.law(fit.best, fid).optimum(c).params for c in x])
    assert len(bands(axes)) == 3
