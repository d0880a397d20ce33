"""One stage of a fit: the same minimum in any order and units; floors that would be negative."""

import numpy as np
import pytest
from fits import fit

from advlib.runs.table import Table

from paper import runs
from simulate import TRUTH2, table


@pytest.mark.parametrize("approach", [2, 3])
def test_same_answer_in_any_row_order_and_units(approach, fitted_laws):
    rows = runs()
    one = fitted_laws[approach].parameters
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))
    two = fit(approach, shuffled).parameters
    scaled = Table({**rows.columns}, "scaled")
    scaled.columns["params"] = rows["params"] / 1e6
    scaled.columns["samples"] = rows["samples"] / 1e6
    three = fit(approach, scaled).parameters
    three["A"] *= (1e6) ** three["alpha"]
    three["B"] *= 1e6 ** (three["beta"] if approach == 2 else 1.0)
    assert two == pytest.approx(one, rel=1e-7)
    assert three == pytest.approx(one, rel=1e-6)


def test_negative_floor_is_held_at_zero():
    rows = table(2, TRUTH2 | {"E": 1e-9}, noise=0.02, fids={"dg20": 0.0}, seed=3)
    rows.columns["loss"] = rows["loss"] - 0.05  # what is left bends below any positive floor
    fitted = fit(2, rows, variant="plain", bootstrap=20)
    assert fitted.parameters["E"] == 0.0
    assert "negative" in fitted.notes[0]
    assert min(fitted.draws["E"]) >= 0.0
