"""From a table to a document: selection, held-out rows, what goes into it."""

import numpy as np
import pytest
from fits import document

from advlib.errors import DataError
from advlib.laws.document import checked_fit
from advlib.laws.fitting.comparison import compare
from advlib.laws.fitting.observations import digest
from advlib.laws.fitting.predictions import predict_table
from advlib.laws.fitting.settings import Settings
from advlib.runs.table import Table

from paper import runs
from simulate import TRUTH2, TRUTH3, table


def test_the_studys_selection_is_the_default():
    made = document(runs(drop_underfit=False))
    assert made["fitted_to"]["rows"] == 168
    assert made["data"]["role"].count("left out") == 52
    assert made["k"] == 7822.0
    everything = document(runs(drop_underfit=False), keep_underfit=True)
    assert everything["fitted_to"]["rows"] == 220


def test_r2_by_data_set_counts_every_run_as_the_paper_does():
    made = document(runs(drop_underfit=False), approach=2)
    dg = next(d for d in made["datasets"] if d["dataset"] == "dg20")
    assert dg["fitted"]
    assert dg["r2_all_runs"] == pytest.approx(0.972, abs=0.005)
    assert dg["r2"] > 0.99
    assert not next(d for d in made["datasets"] if d["dataset"] == "edm6")["fitted"]


def test_held_out_rows_are_not_fitted_but_predicted():
    held = ("flops>5e19",)
    made = document(runs(), holdout=held, bootstrap=100)
    part = runs()
    part = part.take(np.flatnonzero(part["flops"] <= 5e19))
    assert made["parameters"] == pytest.approx(document(part)["parameters"], rel=1e-8)
    scores = made["holdout"]
    assert scores["rows"] == int((runs()["flops"] > 5e19).sum())
    assert scores["r2"] > 0.9
    assert 0 < scores["mean_abs_log_error"] < 0.02
    assert 0.8 <= scores["coverage"] <= 1


def test_prediction_intervals_cover_new_runs_of_the_same_law():
    seen = table(3, TRUTH3, noise=0.005, seed=1)
    new = table(3, TRUTH3, noise=0.005, seed=2)
    new.columns["run"] = [f"new-{name}" for name in new["run"]]
    both = {
        name: seen[name] + new[name]
        if isinstance(seen[name], list)
        else np.concatenate([seen[name], new[name]])
        for name in seen.columns
    }
    both["fold"] = np.repeat([0.0, 1.0], [len(seen), len(new)])
    rows = type(seen)(both, "both")
    made = document(rows, holdout=("fold=1",), bootstrap=200)
    assert made["holdout"]["coverage"] == pytest.approx(0.95, abs=0.03)


def test_digest_does_not_depend_on_order():
    rows = runs()
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows)))
    assert digest(rows) == digest(shuffled)
    assert digest(rows) != digest(rows.take(np.arange(167)))


def test_constant_k_comes_from_the_table_unless_it_agrees_with_the_study():
    rows = table(2, TRUTH2)
    rows.columns["flops"] = 6.0 * rows["params"] * rows["samples"]
    assert document(rows, approach=2)["k"] == pytest.approx(6.0)
    assert document(rows, approach=2, k=10.0)["k"] == 10.0


def test_runs_left_out_and_lines_taken_from_the_paper_are_said():
    notes = []
    document(runs(drop_underfit=False), notes=notes)
    assert any("52 underfit runs are left out" in note for note in notes)
    rows = table(2, TRUTH2)
    rows.columns["accuracy"] = np.full(len(rows), np.nan)
    rows.columns["accuracy"][:2] = 0.5
    notes = []
    document(rows, approach=2, notes=notes)
    assert any("too few accuracies" in note for note in notes)


def test_plain_units_do_not_speak_of_fid_0():
    units = document(table(2, TRUTH2, fids={"dg20": 1.65}), approach=2)["units"]
    assert units["E"] == "nats"


def test_selections_that_leave_nothing_are_refused():
    with pytest.raises(DataError, match="no row satisfies it"):
        document(runs(), holdout=("flops>1e30",))
    rows = runs()
    rows.columns["planned_samples"] = 1e3 * rows["samples"]
    with pytest.raises(DataError, match=r"no checkpoint has 0.5 of its training"):
        document(rows)
    with pytest.raises(DataError, match="no rows left"):
        document(runs(), holdout=("params>0",))


def test_an_empty_loss_is_refused_with_its_place():
    rows = table(2, TRUTH2)
    rows.columns["loss"][3] = np.nan
    rows.origin = [("t.csv", 2, len(rows))]
    with pytest.raises(DataError, match=r"t.csv:5: column 'loss': found an empty cell"):
        document(rows)


def test_an_empty_budget_is_named_where_a_law_needs_it():
    rows = table(2, TRUTH2)
    rows.columns["flops"][4] = np.nan
    rows.origin = [("t.csv", 2, len(rows))]
    for run in (
        lambda: document(rows, approach=1),
        lambda: compare(rows, [2, 3], Settings(bootstrap=0)),
    ):
        with pytest.raises(DataError, match=r"t.csv:6: column 'flops': found an empty cell"):
            run()


def test_any_column_can_be_the_quality_of_a_law():
    """The same law as of a table in which it is called fid, but for the rule of FID below 10."""
    rows = table(3, TRUTH3, noise=0.003)
    expected = document(rows, approach=3, bootstrap=20, keep_underfit=True)
    columns = {n: c for n, c in rows.columns.items() if n != "fid"}
    for values in (rows["fid"], [f"{value:.17g}" for value in rows["fid"]]):
        other = Table({**columns, "fd_pixels": values}, rows.source)
        made = document(other, approach=3, bootstrap=20, quality_column="fd_pixels")
        assert made["quality_column"] == "fd_pixels" and "quality_column" not in expected
        for key in ("parameters", "draws", "datasets"):
            assert made[key] == expected[key]
        fit = checked_fit(made)
        (one, *_) = predict_table([fit], other.take(np.arange(2)))
        (its, *_) = predict_table([checked_fit(expected)], rows.take(np.arange(2)))
        assert one["predicted_loss"] == its["predicted_loss"]


@pytest.mark.parametrize(
    ("values", "said"),
    [(None, "no column 'mood'"), ("x", "found 'x'; expected a number"), (-1.0, "found .*-1")],
)
def test_a_quality_that_is_no_number_is_refused(values, said):
    rows = table(3, TRUTH3, noise=0.003)
    if values is not None:
        column = [values] * len(rows) if isinstance(values, str) else np.full(len(rows), values)
        rows = Table({**rows.columns, "mood": column}, "runs")
    with pytest.raises(DataError, match=said):
        document(rows, approach=3, quality_column="mood")
