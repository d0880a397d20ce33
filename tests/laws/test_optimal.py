"""Optima, regions, and intervals over the draws."""

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.laws import limits, optimal
from advlib.laws.document import checked_fit

from paper import APPROACH3, law, published


def test_region_lies_between_the_predictions():
    rows = optimal.region_rows([published(2), published(3)], [1e22], fids=[1.65])
    sizes = sorted(law(approach).optimum(1e22).params for approach in (2, 3))
    assert (rows[0]["params_from"], rows[0]["params_to"]) == tuple(map(round, sizes))
    with pytest.raises(DataError, match="two or three fits; found 1"):
        optimal.region_rows([published(2)], [1e22])


def test_a_region_of_a_law_without_an_optimum_ends_never():
    steep = {**APPROACH3["parameters"], "alpha": 0.001, "beta": 0.2, "A": 1e99}
    wild = checked_fit({**APPROACH3, "parameters": steep}, "wild")
    (row,) = optimal.region_rows([published(2), wild], [1e90], fids=[1.65])
    assert row["params_from"] == round(law(2).optimum(1e90).params)
    assert row["params_to"] == row["params_approach3"] == "never"


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
