"""The loss surface against the paper's check values, analytic cases and brute force."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from advlib.errors import DataError
from advlib.laws.surface import Surface

from paper import law, published

budgets = st.floats(40, 75).map(math.exp)  # 2e17 to 4e32 FLOPs
fids = st.one_of(st.just(0.0), st.floats(0.1, 50))


@pytest.mark.parametrize(
    ("fid", "accuracy"), [(6.7908, 0.753146), (1.65, 0.828578), (0.0, 0.886325)]
)
def test_accuracy_at_1e30_flops_is_the_papers(fid, accuracy):
    best = law(2, fid).optimum(1e30)
    assert published(2).best.accuracy(best.loss) == pytest.approx(accuracy, abs=5e-7)


def test_ceiling_of_perfect_data_is_the_papers():
    assert published(2).best.accuracy(law(2, 0.0).floor) == pytest.approx(0.896524, abs=5e-7)


@pytest.mark.parametrize(
    ("approach", "fid", "a", "b", "loss", "floor"),
    [
        (2, 1.76, 0.48, 0.52, 0.61, 0.56),
        (2, 0.0, 0.48, 0.52, 0.53, 0.48),
        (3, 0.0, 0.47, 0.53, 0.56, 0.52),
    ],
)
def test_table_3_of_the_paper(approach, fid, a, b, loss, floor):
    surface = law(approach, fid)
    best = surface.optimum(1e25)
    found = (best.a, best.b, best.loss, surface.floor)
    assert found == pytest.approx((a, b, loss, floor), abs=0.005)


def test_table_3_approach_3_at_pfgmpp():
    surface = law(3, 1.76)
    assert surface.optimum(1e25).loss == pytest.approx(0.63, abs=0.005)
    assert pytest.approx(0.55, abs=0.005) == surface.E  # E' of the table leaves saturation out
    assert surface.floor == pytest.approx(surface.E + (0.00659351 * 1.76) ** 0.604210, rel=1e-12)


@given(st.sampled_from([2, 3]), fids, budgets)
def test_optimum_spends_the_budget_and_beats_its_neighbours(approach, fid, flops):
    surface = law(approach, fid)
    best = surface.optimum(flops)
    assert surface.k * best.params * best.samples == pytest.approx(flops, rel=1e-9)
    for step in (0.7, 0.95, 1.05, 1.4):
        assert surface.loss(best.params * step, best.samples / step) >= best.loss * (1 - 1e-14)


@pytest.mark.parametrize("fid", [0.0, 0.5, 1.76, 35.54])
@pytest.mark.parametrize("flops", [1e18, 1e22, 1e27])
def test_root_of_approach_3_is_where_brute_force_finds_the_minimum(fid, flops):
    surface = law(3, fid)
    found = minimize_scalar(
        lambda x: surface.loss(math.exp(x), flops / surface.k / math.exp(x)),
        bounds=(5, 60),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert math.log(surface.optimum(flops).params) == pytest.approx(found.x, abs=1e-4)


@given(st.sampled_from([2, 3]), fids, budgets)
def test_exponents_are_the_slopes_of_the_optimum(approach, fid, flops):
    surface, step = law(approach, fid), 1e-4
    low, high = (surface.optimum(flops * math.exp(s)) for s in (-step, step))
    best = surface.optimum(flops)
    slope = math.log(high.params / low.params) / (2 * step)
    assert best.a == pytest.approx(slope, abs=1e-6)
    assert best.a + best.b == pytest.approx(1, abs=1e-12)


def test_both_approaches_have_one_form_on_perfect_data():
    first = law(2, 0.0)
    twin = Surface(
        first.log_A, first.alpha, first.log_B, first.beta, math.log(1e-30), first.E, 7822
    )
    for flops in (1e18, 1e24):
        one, two = first.optimum(flops), twin.optimum(flops)
        assert (one.params, one.loss) == pytest.approx((two.params, two.loss), rel=1e-9)


@given(st.sampled_from([2, 3]), fids, budgets, st.floats(0.6, 3))
def test_the_data_multiple_keeps_the_loss(approach, fid, flops, size):
    surface = law(approach, fid)
    best = surface.optimum(flops)
    samples = surface.data_multiple(flops)(size) * best.samples
    if math.isfinite(samples) and samples < 1e300:
        assert surface.loss(size * best.params, samples) == pytest.approx(best.loss, rel=1e-9)


@given(st.sampled_from([2, 3]), fids, budgets)
def test_flops_for_inverts_the_optimal_loss(approach, fid, flops):
    surface = law(approach, fid)
    loss = surface.optimum(flops).loss
    again = surface.optimum(surface.flops_for(loss)).loss
    assert again == pytest.approx(loss, rel=1e-12)


@given(st.sampled_from([2, 3]), fids, budgets)
def test_the_least_size_is_that_with_which_infinite_data_gives_the_loss(approach, fid, flops):
    surface = law(approach, fid)
    best, size = surface.optimum(flops), surface.least_size(flops)
    least = surface.model_term(size * best.params) + surface.floor
    assert least == pytest.approx(best.loss, rel=1e-9)
    assert surface.data_multiple(flops)(size * (1 - 1e-9)) == math.inf
    assert surface.data_multiple(flops)(size * (1 + 1e-3)) < math.inf


def test_nothing_reaches_the_floor():
    surface = law(3, 1.76)
    assert surface.flops_for(surface.floor) == math.inf


def test_vectorised_loss_is_the_scalar_loss():
    surface = law(3, 1.65)
    params, samples = np.array([1e6, 3e8]), np.array([5e6, 5e8])
    each = [surface.loss(n, d) for n, d in zip(params, samples, strict=True)]
    assert replace(surface, xp=np).loss(params, samples) == pytest.approx(each, rel=1e-14)


def test_flat_law_has_no_optimum():
    with pytest.raises(DataError, match="above 0"):
        Surface(1.0, 0.0, 1.0, 0.3, -math.inf, 0.5, 7822).optimum(1e20)
