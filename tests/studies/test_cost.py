"""Costs of runs against the study's own FLOPs, and budgets."""

import csv

import pytest

from advlib.errors import DataError
from advlib.runs.bundled import open_bundled
from advlib.studies.cost import ImageForm, cost_of, within
from advlib.studies.grid import DataSet, Grid, Run
from advlib.training.settings import Evaluation

NOT_EVALUATED = Evaluation()


def finals():
    """The paper's final runs with their planned samples, as its table names them."""
    _, file = open_bundled("paper-final")
    planned = {"175M": 175e6, "150M": 150e6, "300M": 300e6, "341M": 341e6, "500M": 500e6}
    for row in csv.DictReader(file.read().decode().splitlines()):
        for word, samples in planned.items():
            if word in row["run"]:
                yield row["run"], row["model"], samples, float(row["flops"]), float(row["params"])


@pytest.mark.parametrize(("name", "model", "samples", "flops", "params"), list(finals()))
def test_flops_of_whole_runs_are_those_of_the_study(name, model, samples, flops, params):
    found = cost_of(Run(name, model, "mix", samples), ImageForm(), NOT_EVALUATED)
    assert found.params == params
    assert found.flops == pytest.approx(flops, rel=0.01)  # its profiler counted small terms too


def test_a_run_sees_whole_batches():
    found = cost_of(Run("a", "wrn-94-16", "mix", 500e6), ImageForm(), NOT_EVALUATED)
    assert found.images == 512_000_000  # Table 4
    found = cost_of(Run("a", "wrn-28-4", "mix", 5e6), ImageForm(), NOT_EVALUATED)
    assert found.images == 5_017_600


def test_evaluations_cost_82_forward_passes_an_image():
    run, form = Run("a", "wrn-28-4", "mix", 5e6), ImageForm(test_images=10_000)
    plain = cost_of(run, form, Evaluation(test="t", evaluate="end"))
    assert plain.evaluation_flops == pytest.approx(82 * 10_000 * plain.flops / 27 / plain.images)
    few = cost_of(run, form, Evaluation(test="t", evaluate="0,50,100", evaluate_images=100))
    assert few.evaluation_flops == pytest.approx(3 / 100 * plain.evaluation_flops)


def test_an_evaluation_after_the_end_and_images_that_do_not_fit_name_the_run():
    with pytest.raises(DataError, match="run a: --evaluate 200: the run has 100 epochs"):
        cost_of(Run("a", "wrn-28-4", "d", 5e6), ImageForm(), Evaluation(test="t", evaluate="200"))
    with pytest.raises(DataError, match="run a: image size: found 27"):
        cost_of(Run("a", "wrn-28-4", "d", 5e6), ImageForm(27), NOT_EVALUATED)


def grid_of(samples):
    runs = tuple(Run(f"r{i}", "wrn-10-1", "d", n) for i, n in enumerate(samples))
    return Grid(runs, {"d": DataSet("d", ("d",))})


def test_a_budget_keeps_the_cheapest_runs_in_their_order():
    grid = grid_of([30_000, 10_000, 20_000])
    costs = {run.name: cost_of(run, ImageForm(8), NOT_EVALUATED) for run in grid.runs}
    two = costs["r1"].flops + costs["r2"].flops
    kept, left = within(grid, costs, two)
    assert [run.name for run in kept.runs] == ["r1", "r2"]
    assert [run.name for run in left] == ["r0"]
    assert within(grid, costs, None) == (grid, [])
    with pytest.raises(DataError, match="budget: found 1 FLOPs; the smallest run takes"):
        within(grid, costs, 1.0)
