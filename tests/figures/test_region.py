"""The figure region lies between the fits."""

import numpy as np
import pytest
from making_fits import RANGE, approx, curve, fit1, fit3

from advlib.figures import kinds


def test_region_lies_between_the_fits():
    fits = [fit1(), fit3()]
    (axes,) = kinds.draw("region", fits, flops=RANGE).axes
    (x, one), (_, three) = curve(axes, "approach 1"), curve(axes, "approach 3")
    assert three == approx([fits[1].law(fits[1].best, 1.65).optimum(c).params for c in x])
    (area,) = (c for c in axes.collections if c.get_label() == "compute-efficient region")
    points = area.get_paths()[0].vertices
    for c, *between in zip(x, one, three, strict=True):
        edges = points[np.isclose(points[:, 0], c), 1]
        assert (edges.min(), edges.max()) == pytest.approx((min(between), max(between)), rel=1e-6)
