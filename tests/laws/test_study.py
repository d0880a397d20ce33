"""From table to document: selection, the accuracy line, held-out rows, comparison, what is open."""

import numpy as np
import pytest

from advlib.conditions import parse_comparison
from advlib.errors import DataError
from advlib.laws.document import read_fit
from advlib.laws.fitting.comparison import compare
from advlib.laws.fitting.documents import digest, documents
from advlib.laws.fitting.identifiability import determination
from advlib.laws.fitting.selection import Request
from advlib.laws.fitting.settings import Settings
from advlib.laws.report import parameter_rows, remarks

from paper import runs
from simulate import TRUTH2, TRUTH3, table


def fit(rows, approach=3, notes=None, **options):
    settings = Settings(
        **{k: options.pop(k) for k in list(options) if k in Settings.__dataclass_fields__}
    )
    request = Request(settings, **options)
    (document,) = documents(rows, approach, request)
    if notes is not None:
        notes += request.notes
    return document


def test_the_studys_selection_is_the_default():
    document = fit(runs(drop_underfit=False))
    assert document["fitted_to"]["rows"] == 168
    assert document["data"]["role"].count("left out") == 52
    assert document["k"] == 7822.0
    everything = fit(runs(drop_underfit=False), keep_underfit=True)
    assert everything["fitted_to"]["rows"] == 220


def test_r2_by_data_set_counts_every_run_as_the_paper_does():
    document = fit(runs(drop_underfit=False), approach=2)
    dg = next(d for d in document["datasets"] if d["dataset"] == "dg20")
    assert dg["fitted"]
    assert dg["r2_all_runs"] == pytest.approx(0.972, abs=0.005)
    assert dg["r2"] > 0.99
    assert not next(d for d in document["datasets"] if d["dataset"] == "edm6")["fitted"]


def test_held_out_rows_are_not_fitted_but_predicted():
    held = (parse_comparison("flops>5e19"),)
    document = fit(runs(), holdout=held, bootstrap=100)
    part = runs()
    part = part.take(np.flatnonzero(part["flops"] <= 5e19))
    assert document["parameters"] == pytest.approx(fit(part)["parameters"], rel=1e-8)
    scores = document["holdout"]
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
    document = fit(rows, holdout=(parse_comparison("fold=1"),), bootstrap=200)
    assert document["holdout"]["coverage"] == pytest.approx(0.95, abs=0.03)


def test_digest_does_not_depend_on_order():
    rows = runs()
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows)))
    assert digest(rows) == digest(shuffled)
    assert digest(rows) != digest(rows.take(np.arange(167)))


def test_accuracy_line_is_the_least_squares_one_with_its_intervals():
    rows = table(2, TRUTH2, noise=0.003)
    rng = np.random.default_rng(0)
    rows.columns["accuracy"] = 1.25 - 0.75 * rows["loss"] + 0.002 * rng.standard_normal(len(rows))
    document = fit(rows, approach=2, bootstrap=100)
    line = document["accuracy_line"]
    base = np.array(rows["dataset"]) == "dg20"
    slope, intercept = np.polyfit(rows["loss"][base], rows["accuracy"][base], 1)
    assert (line["slope"], line["intercept"]) == pytest.approx((slope, intercept), rel=1e-9)
    assert (line["source"], line["rows"]) == ("fitted", 40)
    low, high = line["slope_interval"]
    assert low < -0.75 < high
    drawn = np.quantile(document["draws"]["slope"], [0.025, 0.975])
    assert drawn == pytest.approx([low, high], abs=0.01)
    assert read_fit("x", document).draws[0].slope == document["draws"]["slope"][0]


def test_without_accuracies_the_published_line_is_used_and_said():
    notes = []
    document = fit(runs(), notes=notes)
    assert document["accuracy_line"]["source"] == "published"
    assert any("published loss-to-accuracy line" in note for note in notes)


def test_constant_k_comes_from_the_table_unless_it_agrees_with_the_study():
    rows = table(2, TRUTH2)
    rows.columns["flops"] = 6.0 * rows["params"] * rows["samples"]
    assert fit(rows, approach=2)["k"] == pytest.approx(6.0)
    assert fit(rows, approach=2, k=10.0)["k"] == 10.0


def test_tool_says_what_the_papers_runs_do_not_determine():
    base = [r for r in remarks(fit(runs(), approach=2)) if "do not determine" in r]
    assert len(base) == 1
    assert "base: the runs do not determine A (known only together with alpha)" in base[0]
    assert not [r for r in remarks(fit(runs())) if "do not determine" in r]  # B of Approach 3 is


def test_tool_says_where_the_joint_law_does_not_describe_the_data():
    said = remarks(fit(runs(), approach=2, variant="joint"))
    assert any("R2 on edm5" in remark for remark in said)


def test_standard_errors_are_those_of_least_squares():
    rng = np.random.default_rng(0)
    jacobian = rng.standard_normal((4000, 3)) * (1, 10, 0.1)
    noise = 0.01 * rng.standard_normal(4000)
    condition, found = determination(("A", "B", "eps"), jacobian, noise, {"eps": 1.0})
    expected = 0.01 * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    assert [entry["standard_error"] for entry in found.values()] == pytest.approx(
        expected, rel=0.05
    )
    assert condition == pytest.approx(1, abs=0.1)


def test_collinear_parameters_are_open():
    x = np.linspace(0, 1, 50)
    jacobian = np.array([np.ones(50), np.ones(50) + 1e-9 * x]).T
    condition, found = determination(("A", "alpha"), jacobian, 0.01 * np.cos(9 * x), {})
    assert condition > 1e6
    assert not found["A"]["determined"]
    assert found["A"]["partner"] == "alpha"


def test_comparison_prefers_the_law_that_made_the_data():
    rows = table(3, TRUTH3, noise=0.003, fids={"edm5": 35.54, "edm7": 6.79, "dg20": 1.65})
    ranked = compare(rows, [2, 3], Request(Settings(quality=("edm5", "edm7"), base="dg20")))
    assert ranked[0]["law"] == "approach 3"
    assert [row["best"] for row in ranked] == [True, False, False]
    assert len({row["rows"] for row in ranked}) == 1
    assert ranked[0]["mean_abs_log_error"] <= ranked[1]["mean_abs_log_error"]


def test_comparison_of_a_single_data_set_takes_the_plain_form():
    rows = table(2, TRUTH2, noise=0.003, fids={"dg20": 1.65})
    ranked = compare(rows, [1, 2], Request(Settings()))
    assert {row["law"] for row in ranked} == {"approach 1", "approach 2 plain"}


def test_an_empty_budget_is_named_where_a_law_needs_it():
    rows = table(2, TRUTH2)
    rows.columns["flops"][4] = np.nan
    rows.origin = [("t.csv", 2, len(rows))]
    for run in (lambda: fit(rows, approach=1), lambda: compare(rows, [2, 3], Request(Settings()))):
        with pytest.raises(DataError, match=r"t.csv:6: column 'flops': found an empty cell"):
            run()


def test_runs_left_out_and_lines_taken_from_the_paper_are_said():
    notes = []
    fit(runs(drop_underfit=False), notes=notes)
    assert any("52 underfit runs are left out" in note for note in notes)
    rows = table(2, TRUTH2)
    rows.columns["accuracy"] = np.full(len(rows), np.nan)
    rows.columns["accuracy"][:2] = 0.5
    notes = []
    fit(rows, approach=2, notes=notes)
    assert any("too few accuracies" in note for note in notes)


def test_a_signed_parameter_whose_interval_holds_zero_is_open():
    flat = table(2, TRUTH2 | {"zeta": 0.0, "eps": 0.0}, noise=0.005)
    rows = {row["parameter"]: row for row in parameter_rows(fit(flat, approach=2, bootstrap=200))}
    assert not rows["zeta"]["determined"]
    assert not rows["eps"]["determined"]


def test_plain_units_do_not_speak_of_fid_0():
    units = fit(table(2, TRUTH2, fids={"dg20": 1.65}), approach=2)["units"]
    assert units["E"] == "nats"


def test_comparison_holds_out_the_largest_runs():
    ranked = compare(runs(), [3], Request(Settings()))
    limit = float(ranked[0]["judged_by"].removeprefix("flops>"))
    assert ranked[0]["rows"] == pytest.approx(0.2 * 168, abs=15)
    assert limit > np.quantile(runs()["flops"], 0.7)


def test_selections_that_leave_nothing_are_refused():
    with pytest.raises(DataError, match="no row satisfies it"):
        fit(runs(), holdout=(parse_comparison("flops>1e30"),))
    rows = runs()
    rows.columns["planned_samples"] = 1e3 * rows["samples"]
    with pytest.raises(DataError, match=r"no checkpoint has 0.5 of its training"):
        fit(rows)
    with pytest.raises(DataError, match="no rows left"):
        fit(runs(), holdout=(parse_comparison("params>0"),))


def test_an_empty_loss_is_refused_with_its_place():
    rows = table(2, TRUTH2)
    rows.columns["loss"][3] = np.nan
    rows.origin = [("t.csv", 2, len(rows))]
    with pytest.raises(DataError, match=r"t.csv:5: column 'loss': found an empty cell"):
        fit(rows)
