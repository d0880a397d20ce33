"""The figure overhead is Equation 6, and says where no data helps."""

import math

import pytest
from making_fits import curve, fit2, fit3

from advlib.figures import kinds
from advlib.figures.overhead import smallest_possible


def test_overhead_is_equation_6_and_states_where_no_data_helps():
    fit = fit3()
    (axes,) = kinds.draw("overhead", [fit], flops=[1e20, 1e24]).axes
    for budget, label in (
        (1e20, "good (FID 1.65), $10^{20}$"),
        (1e24, "good (FID 1.65), $10^{24}$"),
    ):
        size, extra = curve(axes, label)
        law = fit.law(fit.best, 1.65)
        expected = [w * law.data_multiple(budget)(w) - 1 for w in size.tolist()]
        assert extra == pytest.approx(expected)
        least = smallest_possible(law, budget)
        assert math.isinf(law.data_multiple(budget)(least * (1 - 1e-9)))
        assert math.isfinite(law.data_multiple(budget)(least * (1 + 1e-6)))
        assert f"impossible below {least:.2g}" in "".join(
            str(line.get_label()) for line in axes.lines
        )
    (alone,) = kinds.draw("overhead", [fit2()], flops=[1e20, 1e24]).axes
    assert sum("any budget" in str(line.get_label()) for line in alone.lines) == 1
