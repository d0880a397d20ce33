"""Agreement: alpha against simpledorff and by hand, kappas against statsmodels."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_panels import panel, simulated
from statsmodels.stats.inter_rater import cohens_kappa

from advlib.humans.agreement import (
    cohen_kappa,
    error_consistency,
    krippendorff_alpha,
    rows,
)
from advlib.humans.panel import NONE

REFERENCE = json.loads((Path(__file__).parent / "data/dawid_skene.json").read_text())


def test_alpha_is_simpledorffs_with_missing_answers():
    found = krippendorff_alpha(np.array(REFERENCE["answers"]), 4)
    assert found == pytest.approx(REFERENCE["alpha"], abs=1e-12)


def test_alpha_of_krippendorffs_example():
    """Krippendorff 2011, example C: four observers, twelve units, nominal alpha .743."""
    n = NONE
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
    ]
    assert krippendorff_alpha(np.array(observers).T, 6) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_one_in_full_agreement_and_about_nothing_by_chance():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.integers(5, size=(50, 1)), 3, axis=1)
    assert krippendorff_alpha(same, 5) == pytest.approx(1)
    assert abs(krippendorff_alpha(rng.integers(5, size=(5000, 3)), 5)) < 0.03
    assert np.isnan(krippendorff_alpha(np.zeros((4, 2), int), 5))
    assert np.isnan(krippendorff_alpha(np.array([[0, NONE]]), 5))


def test_kappa_is_statsmodels():
    rng = np.random.default_rng(1)
    one = rng.integers(4, size=300)
    other = np.where(rng.random(300) < 0.6, one, rng.integers(4, size=300))
    table = np.zeros((4, 4))
    np.add.at(table, (one, other), 1)
    assert cohen_kappa(one, other, 4) == pytest.approx(cohens_kappa(table).kappa)


def test_error_consistency_is_kappa_of_being_right():
    """Two who are right on 80 % each, alone: as chance has it, 0; on the same images: 1."""
    right = np.arange(100) % 10 < 8
    assert error_consistency(right, right) == pytest.approx(1)
    alone = np.arange(100) // 10 < 8  # right with every share of the other's errors
    assert error_consistency(right, alone) == pytest.approx(0, abs=1e-12)


def test_rows_hold_every_pair_and_the_network():
    some = simulated(200, [0.8, 0.7, 0.6], np.random.default_rng(2), classes=3, missing=0.1)
    found = list(rows(some, draws=50))
    pairs = [(r["first"], r["second"]) for r in found if r["measure"] == "kappa"]
    assert len(pairs) == 6 and ("judge0", "network") in pairs
    alphas = [r for r in found if r["measure"] == "alpha"]
    assert [r["class"] for r in alphas] == ["", "a", "b", "c"]
    for row in found:
        if row["value_low"] is not None:
            assert row["value_low"] <= row["value"] <= row["value_high"]
    both = (some.guess[:, :2] != NONE).all(1)
    (first,) = [r for r in found if r["measure"] == "kappa" and r["second"] == "judge1"]
    assert first["images"] == both.sum()


def test_many_judges_stand_beside_the_network_alone():
    some = simulated(40, [0.8] * 14, np.random.default_rng(3))
    pairs = [r for r in rows(some, draws=0) if r["measure"] == "kappa"]
    assert {r["second"] for r in pairs} == {"network"} and len(pairs) == 14


def test_a_kappa_without_errors_has_no_interval():
    some = panel([[0, 0], [0, 0]], label=[0, 0])
    (kappa,) = [r for r in rows(some, 0) if r["measure"] == "kappa" and r["second"] == "judge1"]
    assert np.isnan(kappa["value"]) and kappa["value_low"] is None
