"""Approach 1: the paper's regressions, resampling, what a document says."""

import math

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.laws.fitting import approach1
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.envelope import curves_of
from advlib.laws.fitting.fit import table_of
from advlib.laws.fitting.settings import Settings
from advlib.runs.bundled import open_bundled
from advlib.runs.reading import read_tables

from simulate import learning_curves

NO_DRAWS = Settings(bootstrap=0)


def test_the_papers_envelope_gives_back_its_regressions():
    table = read_tables([open_bundled("paper-envelope")], {}, ("params", "samples", "loss"))
    (document,) = documents(table, 1, Settings(bootstrap=50))
    p, r2 = document["parameters"], document["r2"]
    assert (p["a"], p["b"]) == pytest.approx((0.565, 0.435), abs=0.0005)
    assert (p["l0"], p["c"]) == pytest.approx((3.79, 0.035), abs=0.005)
    assert (p["n0"], p["d0"]) == pytest.approx((-3.12, -0.76), abs=0.005)
    assert (r2["params"], r2["samples"], r2["loss"]) == pytest.approx(
        (0.846, 0.765, 0.991), abs=0.001
    )
    assert document["datasets"] == [{"dataset": "pfgmpp18", "fid": 1.76}]


def test_regression_of_a_power_law_is_exact():
    flops = np.logspace(17, 21, 50)
    line = {
        "flops": flops,
        "params": 1e-3 * flops**0.6,
        "samples": 3 * flops**0.4,
        "loss": 4 * flops**-0.03,
    }
    parameters, r2 = approach1.regress(line)
    expected = {"n0": -3, "a": 0.6, "d0": math.log10(3), "b": 0.4, "l0": 4, "c": 0.03}
    assert parameters == pytest.approx(expected, rel=1e-9)
    assert list(r2.values()) == pytest.approx([1, 1, 1])


def test_bootstrap_leaves_out_runs():
    found = curves_of(learning_curves())
    draws = approach1.bootstrap(found, 200, seed=0)
    whole = approach1.regress(found.envelope())[0]
    assert len(draws["a"]) == 200
    assert np.quantile(draws["a"], 0.025) < whole["a"] < np.quantile(draws["a"], 0.975)
    assert draws == approach1.bootstrap(found, 200, seed=0)


def test_half_trained_checkpoints_only():
    (document,) = documents(learning_curves(), 1, NO_DRAWS)
    assert document["fitted_to"]["rows"] == 6 * 11  # samples from 25M of 50M
    assert min(document["envelope"]["flops"]) >= 7822 * 5e6 * 2.5e7


def test_accuracies_make_the_line_of_an_envelope_too():
    table = learning_curves()
    table.columns["accuracy"] = 1.2 - 0.7 * table["loss"]
    table.columns["accuracy"][::7] += 0.001
    (document,) = documents(table, 1, Settings(bootstrap=20))
    assert document["accuracy_line"]["source"] == "fitted"
    assert document["accuracy_line"]["slope"] == pytest.approx(-0.7, abs=0.05)
    assert len(document["draws"]["slope"]) == 20


def test_runs_that_only_other_laws_leave_out_are_not_said_to_be_left_out():
    table = learning_curves()
    table.columns["fid"] = np.full(len(table), 1.65)
    table.columns["dataset"] = ["dg20"] * len(table)
    notes = []
    (document,) = documents(table, 1, NO_DRAWS, notes)
    assert min(document["envelope"]["params"]) < 1e8
    assert not [note for note in notes if "underfit" in note]


def test_too_little_is_said():
    table = learning_curves(models=1).take(np.array([18, 19]))
    del table.columns["planned_samples"]
    table.columns["run"] = ["a", "b"]
    with pytest.raises(DataError, match="three or more"):
        documents(table, 1, NO_DRAWS)
    del table.columns["flops"]
    with pytest.raises(DataError, match="no column 'flops'"):
        documents(table, 1, NO_DRAWS)


def test_an_envelope_has_nothing_to_hold_out():
    table = read_tables([open_bundled("paper-envelope")], {}, ())
    with pytest.raises(DataError, match="no runs to hold out"):
        documents(table, 1, Settings(bootstrap=0, holdout=("flops>1e19",)))


def test_another_share_of_training_needs_a_plan():
    table = learning_curves()
    del table.columns["planned_samples"]
    with pytest.raises(DataError, match="no column 'planned_samples'"):
        documents(table, 1, Settings(bootstrap=0, min_fraction=0.7))


def test_an_envelope_of_one_size_of_model_says_that_its_exponent_says_nothing():
    columns = {
        "run": ["one"] * 6,
        "dataset": ["x"] * 6,
        "params": np.full(6, 1e7),
        "samples": 10.0 ** np.arange(5, 11),
        "flops": 7822e7 * 10.0 ** np.arange(5, 11),
        "loss": 2.0 * 0.8 ** np.arange(6),
    }
    notes = []
    documents(table_of(columns), 1, Settings(bootstrap=0), notes)
    assert "x: the envelope has one size of model: N* and its exponent say nothing" in notes
