"""Trading model size against training compute."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.laws import trade

from paper import law, published


@given(st.floats(0.4, 3), st.floats(45, 70).map(math.exp))
def test_data_multiple_is_equation_6(size, flops):
    surface = law(2)
    p, best = published(2).best.parameters, surface.optimum(flops)
    model, data = surface.model_term(best.params), surface.data_term(best.samples)
    bracket = 1 - (size ** -p["alpha"] - 1) * model / data
    expected = bracket ** (-1 / p["beta"]) if bracket > 0 else math.inf
    assert surface.data_multiple(flops)(size) == pytest.approx(expected, rel=1e-8)


def test_half_the_size_costs_about_ten_percent():
    (row,) = trade.trade_rows([published(2)], [1e22], [0.5], fids=[1.65])
    assert 0.08 < row["overhead"] < 0.16
    assert row["inference_saving"] == 0.5


def test_impossible_sizes_are_never():
    (row,) = trade.trade_rows([published(2)], [1e22], [0.01])
    assert (row["data_multiple"], row["samples"], row["overhead"]) == ("never",) * 3


@pytest.mark.parametrize("approach", [2, 3])
@pytest.mark.parametrize("overhead", [0.001, 0.1, 2.0])
def test_smallest_size_inverts_the_overhead(approach, overhead):
    surface = law(approach)
    size = trade.smallest_size(surface, 1e22, overhead)
    found = size * surface.data_multiple(1e22)(size) - 1
    assert size < 1
    assert found == pytest.approx(overhead, rel=1e-6)


def test_nothing_is_lost_at_the_optimal_size():
    surface = law(3)
    best = surface.optimum(1e22)
    (row,) = trade.fixed_size_rows([published(3)], [1e22], [best.params], fids=[1.65])
    for key in ("loss_above_optimum", "accuracy_below_optimum", "compute_wasted"):
        assert row[key] == pytest.approx(0, abs=1e-9)
