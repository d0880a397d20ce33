"""Fitting Approach 2: the true minimum, on the paper's runs and on simulated ones."""

import numpy as np
import pytest
from fits import fit

from advlib.errors import DataError

from paper import of_datasets, runs
from simulate import TRUTH2, random_truth, table


def test_approach_2_reaches_the_base_minimum_from_nearly_every_start(fitted_laws):
    fitted = fitted_laws[2]
    base, quality = fitted.stages
    assert base.objective <= 2.1684e-6
    assert (base.starts, base.rows, quality.rows) == (3125, 28, 76)
    assert base.reached > 0.9 * base.starts
    assert quality.objective < 3.153e-6


@pytest.mark.parametrize("variant", [None, "joint"])
@pytest.mark.parametrize("seed", range(3))
def test_noise_free_laws_are_recovered(variant, seed):
    truth = random_truth(2, seed)
    assert fit(2, table(2, truth), variant=variant).parameters == pytest.approx(truth, rel=1e-6)


def test_plain_law_is_recovered_without_fid():
    rows = table(2, TRUTH2, fids={"perfect": 0.0})
    del rows.columns["fid"], rows.columns["dataset"]
    found = fit(2, rows).parameters
    assert found == pytest.approx(
        {k: TRUTH2[k] for k in ("A", "alpha", "B", "beta", "E")}, rel=1e-6
    )


def test_rows_with_small_errors_weigh_more():
    rows = table(2, TRUTH2, fids={"dg20": 0.0})
    odd = np.arange(len(rows)) % 2 == 1
    rows.columns["loss"] = np.where(odd, rows["loss"] * 1.05, rows["loss"])
    rows.columns["loss_error"] = np.where(odd, 1.0, 1e-4)
    found = fit(2, rows, variant="plain", weights="loss_error").parameters
    assert found["alpha"] == pytest.approx(TRUTH2["alpha"], rel=1e-4)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda r: r.take(np.arange(5)), {"variant": "plain"}, "more runs than parameters"),
        (lambda r: of_datasets(r, "dg20"), {"variant": "joint"}, "two or more FIDs"),
        (lambda r: r, {"base": "nope"}, "no data set 'nope'"),
        (lambda r: r, {"base": "dg20", "quality": ("dg20",)}, "cannot be in --quality"),
        (lambda r: r, {"weights": "nope"}, "no column 'nope'"),
    ],
)
def test_tables_that_cannot_carry_the_law_are_refused(change, settings, message):
    with pytest.raises(DataError, match=message):
        fit(2, change(runs()), **settings)


def test_one_size_leaves_an_exponent_open():
    rows = runs()
    same = rows.take(np.flatnonzero(rows["params"] == 316356058))
    with pytest.raises(DataError, match="same params"):
        fit(2, same, variant="plain")


def test_draws_with_a_floor_held_at_zero_stay_at_zero_through_the_second_stage():
    draws = fit(2, runs(), bootstrap=1000).draws
    assert min(draws["E"]) >= 0.0
    assert max(map(abs, draws["eps"])) <= 10
