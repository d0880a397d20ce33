"""Fitting Approach 3: the true minimum, on the paper's runs and on simulated ones."""

import numpy as np
import pytest
from fits import fit

from advlib.errors import DataError

from paper import of_datasets, runs
from simulate import TRUTH2, TRUTH3, random_truth, table


def test_approach_3_reaches_the_minimum_and_moves_b(fitted_laws):
    fitted = fitted_laws[3]
    (stage,) = fitted.stages
    assert stage.objective <= 3.468e-6
    assert (stage.starts, stage.rows) == (648, 168)
    assert stage.reached > 0.9 * stage.starts
    assert fitted.parameters["B"] == pytest.approx(12393, rel=1e-3)  # paper.md's converged fit


@pytest.mark.parametrize("seed", range(3))
def test_noise_free_laws_are_recovered(seed):
    truth = random_truth(3, seed)
    assert fit(3, table(3, truth)).parameters == pytest.approx(truth, rel=1e-6)


def test_approach_3_needs_two_fids():
    with pytest.raises(DataError, match="two or more FIDs"):
        fit(3, of_datasets(runs(), "dg20"))


def test_sizes_seen_at_several_fids_count_as_different_runs():
    rows = table(3, TRUTH3, fids={"edm5": 35.54, "edm7": 6.79, "dg20": 1.65})
    few = rows.take(
        np.flatnonzero((rows["params"] > 1e8) & np.isin(rows["samples"], (5.0176e6, 1.024e8)))
    )
    assert len(few) == 24
    assert fit(3, few).parameters["alpha"] == pytest.approx(TRUTH3["alpha"], rel=1e-3)


def test_truth_of_both_laws_predicts_like_the_other_on_perfect_data():
    assert TRUTH3["B"] ** TRUTH3["beta"] == pytest.approx(TRUTH2["B"], rel=0.1)
