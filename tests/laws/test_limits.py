"""Ceilings, targets, and the quality that a target asks for."""

import math

import pytest

from advlib.errors import DataError
from advlib.laws import limits, trade
from advlib.laws.document import checked_fit

from paper import law, published

H100S = limits.Hardware(4.947e14, 25_000, 1.0)


def test_human_level_takes_three_thousand_years_of_25000_gpus():
    """Sec. 3.3: 1e30 FLOPs even at FID 0, 3,000 years of 25,000 H100-class GPUs at TF32."""
    (row,) = limits.target_rows([published(2)], [], [0.886325], H100S, fids=[0.0])
    assert math.log10(row["flops"]) == pytest.approx(30, abs=0.01)
    assert 2000 < row["years"] < 3500
    assert row["device_years"] == pytest.approx(25_000 * row["years"])


def test_targets_beyond_the_ceiling_are_never_reached():
    (row,) = limits.target_rows(
        [published(2)], [], [0.95], limits.Hardware(1e15, 1, 1.0), fids=[0.0]
    )
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


def test_ceilings_default_to_perfect_data_and_every_data_set(drawn):
    rows = list(limits.ceiling_rows([drawn]))
    assert [row["fid"] for row in rows] == [0.0, 1.65, 1.76, 1.82, 2.48, 6.7908, 14.26, 35.54]
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)


def test_approach_1_has_no_surface_and_no_ceiling():
    fit = checked_fit(
        {
            "format": "advfit",
            "approach": 1,
            "parameters": {"n0": -3.12, "a": 0.56, "d0": -0.76, "b": 0.43, "l0": 3.79, "c": 0.035},
        }
    )
    for rows in (limits.ceiling_rows([fit]), trade.trade_rows([fit], [1e22], [0.5])):
        with pytest.raises(DataError, match="only approach 2 or 3"):
            list(rows)
    assert fit.law(fit.best, 0.0).optimum(1e25).loss == pytest.approx(0.50, abs=0.01)  # Table 3
