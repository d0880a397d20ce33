"""Approach 2 with interaction: the law against brute force, and its limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from advlib.laws import interaction, limits, optimal, predict, trade
from advlib.laws.document import checked_fit

from paper import APPROACH2, INTERACTION, published

budgets = st.floats(40, 75).map(math.exp)  # 2e17 to 4e32 FLOPs
fids = st.one_of(st.just(0.0), st.floats(0.1, 50))
FIT = checked_fit(INTERACTION)


def law(fid):
    return FIT.law(FIT.best, fid)


def test_the_document_finds_its_form_by_the_variant():
    assert (FIT.approach, FIT.variant, FIT.form) == (2, "interaction", interaction.FORM)


@pytest.mark.parametrize("fid", [0.0, 1.65, 35.54])
@pytest.mark.parametrize("flops", [1e18, 1e22, 1e27])
def test_optimum_is_where_brute_force_finds_it(fid, flops):
    surface = law(fid)

    def log_loss(x):
        return math.log(surface.loss(math.exp(x), flops / surface.k / math.exp(x)))

    best = surface.optimum(flops)
    found = minimize_scalar(log_loss, bounds=(5, 60), method="bounded", options={"xatol": 1e-10})
    assert math.log(best.params) == pytest.approx(found.x, abs=1e-4)
    assert best.loss == pytest.approx(math.exp(found.fun), rel=1e-12)
    for step in np.geomspace(0.5, 2, 41).tolist():
        assert surface.loss(best.params * step, best.samples / step) >= best.loss * (1 - 1e-12)


@given(fids, budgets)
def test_exponents_are_the_slopes_of_the_optimum(fid, flops):
    low, high = (law(fid).optimum(flops * math.exp(s)) for s in (-1e-4, 1e-4))
    best = law(fid).optimum(flops)
    assert best.a == pytest.approx(math.log(high.params / low.params) / 2e-4, abs=1e-6)
    assert best.a + best.b == pytest.approx(1, abs=1e-12)


@given(fids, budgets, st.floats(0.8, 3))
def test_questions_are_inverses_of_the_loss(fid, flops, size):
    surface = law(fid)
    best = surface.optimum(flops)
    assert surface.flops_for(best.loss) == pytest.approx(flops, rel=1e-6)
    samples = surface.data_multiple(flops)(size) * best.samples
    if samples < 1e300:
        assert surface.loss(size * best.params, samples) == pytest.approx(best.loss, rel=1e-9)
    least = surface.least_size(flops) * best.params
    assert surface.loss(least, 1e300) == pytest.approx(best.loss, rel=1e-6)


def test_with_gamma_1_it_is_approach_2():
    parameters = published(2).best.parameters | {"gamma": 1.0}
    for fid in (0.0, 1.65, 35.54):
        one = interaction.law(parameters, fid, 7822.0)
        two = published(2).law(published(2).best, fid)
        assert one.loss(3e8, 5e8) == pytest.approx(two.loss(3e8, 5e8), rel=1e-14)
        assert one.optimum(1e22).params == pytest.approx(two.optimum(1e22).params, rel=1e-12)
        assert one.floor == pytest.approx(two.floor, rel=1e-14)


def test_exponents_of_n_and_d_depend_on_each_other():
    """The slope in log D is steeper for larger models, by the share of the data term."""

    def slope(params):
        losses = [law(1.65).loss(params, 1e8 * math.exp(s)) for s in (-1e-4, 1e-4)]
        return -math.log(losses[1] / losses[0]) / 2e-4

    slopes = [slope(params) for params in (1e7, 1e8, 1e9, 1e10)]
    assert slopes == sorted(slopes) and slopes[-1] > 1.3 * slopes[0]


def test_reference_fid_moves_to_zero():
    given = replace(published(2).best, xp=None).parameters
    moved = checked_fit(
        APPROACH2
        | {"variant": "interaction", "parameters": APPROACH2["parameters"] | {"gamma": 0.5}}
    )
    assert moved.best.parameters == given | {"gamma": 0.5}


def test_every_command_of_a_law_answers():
    (best,) = optimal.optimum_rows([FIT], [1e22])
    assert best["variant"] == "interaction"
    (ceiling, *_) = limits.ceiling_rows([FIT], [0.0])
    assert ceiling["loss"] == pytest.approx(INTERACTION["parameters"]["E"])
    assert next(trade.trade_rows([FIT], [1e22], [0.5]))["overhead"] > 0
    assert next(trade.smallest_rows([FIT], [1e22], [0.1]))["size"] < 1
    assert next(trade.fixed_size_rows([FIT], [1e22], [1e9]))["compute_wasted"] > 0
    (run,) = predict.prediction_rows([FIT], [1e9], [1e9])
    assert run["loss"] == pytest.approx(law(0.0).loss(1e9, 1e9))
    assert next(limits.quality_rows([FIT], [1e22], [0.65], []))["fid"] > 0
