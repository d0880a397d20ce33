"""What follows from a fit: trade-offs, ceilings, targets, regions, predictions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import DataError
from advlib.laws import limits, optimal, trade
from advlib.laws.document import read_fit
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.predictions import predict_table
from advlib.laws.fitting.selection import Request
from advlib.laws.fitting.settings import Settings
from advlib.laws.predict import prediction_row

from paper import published, runs


@pytest.fixture(scope="module")
def drawn():
    """Approach 3 on the paper's runs with 40 draws."""
    (document,) = documents(runs(), 3, Request(Settings(bootstrap=40)))
    return read_fit("drawn", document)


def law(approach, fid=1.65):
    fit = published(approach)
    return fit.law(fit.best, fid)


@given(st.floats(0.4, 3), st.floats(45, 70).map(math.exp))
def test_data_multiple_is_equation_6(size, flops):
    surface = law(2)
    p, best = published(2).best.parameters, surface.optimum(flops)
    model, data = surface.model_term(best.params), surface.data_term(best.samples)
    bracket = 1 - (size ** -p["alpha"] - 1) * model / data
    expected = bracket ** (-1 / p["beta"]) if bracket > 0 else math.inf
    assert trade.data_multiple(surface, flops, size) == pytest.approx(expected, rel=1e-8)


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
    found = size * trade.data_multiple(surface, 1e22, size) - 1
    assert size < 1
    assert found == pytest.approx(overhead, rel=1e-6)


def test_nothing_is_lost_at_the_optimal_size():
    surface = law(3)
    best = surface.optimum(1e22)
    (row,) = trade.fixed_size_rows([published(3)], [1e22], [best.params], fids=[1.65])
    for key in ("loss_above_optimum", "accuracy_below_optimum", "compute_wasted"):
        assert row[key] == pytest.approx(0, abs=1e-9)


def test_human_level_takes_three_thousand_years_of_25000_gpus():
    """Sec. 3.3: 1e30 FLOPs even at FID 0, 3,000 years of 25,000 H100-class GPUs at TF32."""
    (row,) = limits.target_rows([published(2)], [], [0.886325], 4.947e14, 25_000, 1.0, fids=[0.0])
    assert math.log10(row["flops"]) == pytest.approx(30, abs=0.01)
    assert 2000 < row["years"] < 3500
    assert row["device_years"] == pytest.approx(25_000 * row["years"])


def test_targets_beyond_the_ceiling_are_never_reached():
    (row,) = limits.target_rows([published(2)], [], [0.95], 1e15, 1, 1.0, fids=[0.0])
    assert {row[k] for k in ("flops", "params", "samples", "years", "device_years")} == {"never"}


def test_quality_needed_inverts_the_optimum():
    (row,) = limits.quality_rows([published(2)], [1e22], [], [0.77])
    best = law(2, row["fid"]).optimum(1e22)
    assert published(2).best.accuracy(best.loss) == pytest.approx(0.77, abs=1e-9)
    (row,) = limits.quality_rows([published(2)], [1e19], [], [0.85])
    assert (row["fid"], row["params"]) == ("never", "never")


def test_quality_that_no_draw_reaches_is_the_low_end(drawn):
    (row,) = limits.quality_rows([drawn], [1e22], [], [0.79])
    assert row["fid_low"] == "never"
    assert isinstance(row["fid_high"], float)


def test_region_lies_between_the_predictions():
    rows = optimal.region_rows([published(2), published(3)], [1e22], fids=[1.65])
    sizes = sorted(law(approach).optimum(1e22).params for approach in (2, 3))
    assert (rows[0]["params_from"], rows[0]["params_to"]) == tuple(map(round, sizes))
    with pytest.raises(DataError, match="two or three fits; found 1"):
        optimal.region_rows([published(2)], [1e22])


def test_zoo_spends_the_same_budget():
    (row,) = optimal.optimum_rows([published(2)], [1e21], zoo=True)
    assert 7822 * row["model_params"] * row["model_samples"] == pytest.approx(1e21, rel=1e-6)
    assert row["loss"] <= row["model_loss"] < row["loss"] * 1.001


def test_every_number_that_draws_change_has_their_percentiles(drawn):
    (row,) = optimal.optimum_rows([drawn], [1e22])
    sizes = [drawn.law(m, 1.65).optimum(1e22).params for m in drawn.draws]
    low, high = np.quantile(sizes, [0.025, 0.975])
    assert row["params_low"] == pytest.approx(low, rel=1e-6)
    assert row["params_high"] == pytest.approx(high, rel=1e-6)
    assert row["params_low"] < row["params"] < row["params_high"]
    (ceiling,) = limits.ceiling_rows([drawn], fids=[0.0])
    assert ceiling["accuracy_low"] < ceiling["accuracy"] < ceiling["accuracy_high"]


def test_ceilings_default_to_perfect_data_and_every_data_set(drawn):
    rows = list(limits.ceiling_rows([drawn]))
    assert [row["fid"] for row in rows] == [0.0, 1.65, 1.76, 1.82, 2.48, 6.7908, 14.26, 35.54]
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)


def test_a_table_is_predicted_like_its_rows_one_by_one(drawn):
    table = runs().take(np.arange(0, 168, 40))
    for row in predict_table([drawn], table):
        one = prediction_row(drawn, "", row["fid"], row["params"], row["samples"])
        for key in ("loss", "accuracy", "loss_low", "loss_high"):
            assert row[f"predicted_{key}"] == pytest.approx(one[key], rel=1e-12)


def test_prediction_intervals_are_wider_than_the_laws(drawn):
    one = prediction_row(drawn, "", 1.65, 3e8, 3e8)
    band = drawn.interval(lambda m: drawn.law(m, 1.65).loss(3e8, 3e8))
    assert one["loss_high"] - one["loss_low"] > band[1] - band[0]


def test_predicting_without_quality_names_the_row(drawn):
    table = runs().take(np.arange(2))
    del table.columns["dataset"], table.columns["fid"]
    with pytest.raises(DataError, match="no fid, and no dataset that the fit knows"):
        list(predict_table([drawn], table))


def test_approach_1_has_no_surface_and_no_ceiling():
    fit = read_fit(
        "one",
        {
            "format": "advfit",
            "approach": 1,
            "parameters": {"n0": -3.12, "a": 0.56, "d0": -0.76, "b": 0.43, "l0": 3.79, "c": 0.035},
        },
    )
    for rows in (limits.ceiling_rows([fit]), trade.trade_rows([fit], [1e22], [0.5])):
        with pytest.raises(DataError, match="only approach 2 or 3"):
            list(rows)
    (row,) = optimal.optimum_rows([fit], [1e25])
    assert row["loss"] == pytest.approx(0.50, abs=0.01)  # Table 3
