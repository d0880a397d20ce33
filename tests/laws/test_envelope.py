"""Approach 1 against a plain restatement of its rule, and the paper's regressions."""

import math

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.laws.fitting import approach1 as envelope
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.selection import Request
from advlib.laws.fitting.settings import Settings
from advlib.runs.bundled import open_bundled
from advlib.runs.table import Table, read_tables


def curves(seed=0, models=6):
    """Learning curves of a toy law with wobbles: 20 checkpoints a run."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(models):
        params = 5e6 * 3**i
        for step in range(1, 21):
            samples = 2.5e6 * step
            loss = 30 * params**-0.3 + 8 * samples**-0.2 + 0.5 + 0.002 * rng.standard_normal()
            rows.append((f"r{i}", params, samples, 5e7, 7822 * params * samples, loss))
    run, *numbers = zip(*rows, strict=True)
    names = ("params", "samples", "planned_samples", "flops", "loss")
    columns = {name: np.array(values) for name, values in zip(names, numbers, strict=True)}
    return Table({"run": list(run), **columns}, "curves")


def plain_envelope(table, grid):
    """The rule of App. F, a budget and a run at a time."""
    kept, runs = [], sorted(set(table["run"]))
    for flops in grid:
        best = None
        for run in runs:
            rows = [i for i, name in enumerate(table["run"]) if name == run]
            x, y = table["flops"][rows], table["loss"][rows]
            if not x[0] <= flops <= x[-1]:
                continue
            j = max(1, int(np.searchsorted(x, flops)))
            share = (flops - x[j - 1]) / (x[j] - x[j - 1])
            loss = (1 - share) * y[j - 1] + share * y[j]
            if best is None or loss < best[0]:
                best = (loss, table["params"][rows[0]], flops / 7822 / table["params"][rows[0]])
        if best and all(best[0] <= other[1] for other in kept):
            kept.append((flops, *best))
    return np.array(kept).T


def test_envelope_is_the_plain_rules():
    table = curves()
    found = envelope.curves_of(table).envelope()
    grid = np.logspace(
        np.log10(table["flops"].min()) - 0.001, np.log10(table["flops"].max()) + 0.001, 1000
    )
    flops, loss, params, samples = plain_envelope(table, grid)
    assert found["flops"] == pytest.approx(flops)
    assert found["loss"] == pytest.approx(loss)
    assert found["params"] == pytest.approx(params)
    assert found["samples"] == pytest.approx(samples)


def test_the_papers_envelope_gives_back_its_regressions():
    table = read_tables([open_bundled("paper-envelope")], {}, ("params", "samples", "loss"))
    (document,) = documents(table, 1, Request(Settings(bootstrap=50)))
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
    parameters, r2 = envelope.regress(line)
    expected = {"n0": -3, "a": 0.6, "d0": math.log10(3), "b": 0.4, "l0": 4, "c": 0.03}
    assert parameters == pytest.approx(expected, rel=1e-9)
    assert list(r2.values()) == pytest.approx([1, 1, 1])


def test_single_checkpoints_make_a_frontier():
    table = curves()
    last = table.take(np.arange(19, len(table), 20))
    found = envelope.curves_of(last).envelope()
    order = np.argsort(last["flops"])
    loss = last["loss"][order]
    assert found["loss"] == pytest.approx(loss[loss <= np.minimum.accumulate(loss)])


def test_bootstrap_leaves_out_runs():
    found = envelope.curves_of(curves())
    draws = envelope.bootstrap(found, 200, seed=0)
    whole = envelope.regress(found.envelope())[0]
    assert len(draws["a"]) == 200
    assert np.quantile(draws["a"], 0.025) < whole["a"] < np.quantile(draws["a"], 0.975)
    assert draws == envelope.bootstrap(found, 200, seed=0)


def test_half_trained_checkpoints_only():
    (document,) = documents(curves(), 1, Request(Settings()))
    assert document["fitted_to"]["rows"] == 6 * 11  # samples from 25M of 50M
    assert min(document["envelope"]["flops"]) >= 7822 * 5e6 * 2.5e7


def test_accuracies_make_the_line_of_an_envelope_too():
    table = curves()
    table.columns["accuracy"] = 1.2 - 0.7 * table["loss"]
    table.columns["accuracy"][::7] += 0.001
    (document,) = documents(table, 1, Request(Settings(bootstrap=20)))
    assert document["accuracy_line"]["source"] == "fitted"
    assert document["accuracy_line"]["slope"] == pytest.approx(-0.7, abs=0.05)
    assert len(document["draws"]["slope"]) == 20


def test_runs_that_only_other_laws_leave_out_are_not_said_to_be_left_out():
    table = curves()
    table.columns["fid"] = np.full(len(table), 1.65)
    table.columns["dataset"] = ["dg20"] * len(table)
    request = Request(Settings())
    (document,) = documents(table, 1, request)
    assert min(document["envelope"]["params"]) < 1e8
    assert not [note for note in request.notes if "underfit" in note]


def test_too_little_is_said():
    table = curves(models=1).take(np.array([18, 19]))
    del table.columns["planned_samples"]
    table.columns["run"] = ["a", "b"]
    with pytest.raises(DataError, match="three or more"):
        documents(table, 1, Request(Settings()))
    del table.columns["flops"]
    with pytest.raises(DataError, match="no column 'flops'"):
        documents(table, 1, Request(Settings()))
