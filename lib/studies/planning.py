"""From options, a preset or a table to a grid with its costs, as rows."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from advlib.errors import DataError
from advlib.laws.limits import Hardware
from advlib.shards.reader import open_set
from advlib.studies.commands import Common
from advlib.studies.cost import Cost, ImageForm, cost_of, generation_flops, within
from advlib.studies.grid import DataSet, Grid, Run, product
from advlib.studies.presets import PRESETS
from advlib.studies.reading import read_runs_to_do
from advlib.training.settings import Evaluation

PASSES = re.compile(r"(.+?)(=[0-9./]+)?", re.DOTALL)  # a set, and how often it is read
YEARS_TO_HOURS = 365.25 * 24


@dataclass(frozen=True)
class Choice:
    """Which runs.  Of preset, table (a stream and its name) and models with samples, one is given.

    data: `NAME=SET[=PASSES]` or `SET` each.  seeds: how many for each combination.
    recipe: settings that are not the paper's.
    """

    preset: str | None = None
    table: tuple[BinaryIO, str] | None = None
    models: Sequence[str] = ()
    samples: Sequence[float] = ()
    data: Sequence[str] = ()
    seeds: int = 1
    real: str | None = None
    recipe: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Plan:
    """A grid, what each of its runs costs by name, and the runs that a budget left out."""

    grid: Grid
    costs: Mapping[str, Cost]
    left_out: Sequence[Run]

    @property
    def training_flops(self) -> float:
        """Of all runs."""
        return sum(self.costs[run.name].flops for run in self.grid.runs)

    @property
    def evaluation_flops(self) -> float:
        """Of all runs."""
        return sum(self.costs[run.name].evaluation_flops for run in self.grid.runs)


def plan(choice: Choice, evaluation: Evaluation, form: ImageForm, budget: float | None) -> Plan:
    """The runs of a choice and their costs; of a budget of training FLOPs, those that it pays.

    Raises DataError for a grid of nothing, runs that cannot be, and a budget below the smallest.
    """
    grid = _grid(choice)
    costs = {run.name: cost_of(run, form, evaluation) for run in grid.runs}
    kept, left_out = within(grid, costs, budget)
    return Plan(kept, costs, left_out)


def _grid(choice: Choice) -> Grid:
    sets = _named_sets(choice.data)
    recipe = choice.recipe or {}
    if choice.preset:
        grid = PRESETS[choice.preset](sets, choice.real)
        runs = tuple(replace(run, recipe={**run.recipe, **recipe}) for run in grid.runs)
        return replace(grid, runs=runs)
    datasets = {name: DataSet(name, tuple(found), choice.real) for name, found in sets.items()}
    if choice.table:
        stream, name = choice.table
        return Grid(tuple(read_runs_to_do(stream, name, recipe)), datasets)
    for name in ("models", "samples", "data"):
        if not getattr(choice, name):
            raise DataError(f"{name}: found none; a grid is of models, samples and data")
    seeds = range(choice.seeds)
    return Grid(tuple(product(choice.models, choice.samples, sets, seeds, recipe)), datasets)


def _named_sets(data: Sequence[str]) -> dict[str, list[str]]:
    """Sets by the name of their data set; one name may have several."""
    sets: dict[str, list[str]] = {}
    for item in data:
        name, equals, rest = item.partition("=")
        if not equals or re.fullmatch(r"[0-9./]+", rest):
            name, rest = os.path.basename(name), item
        if not name or not rest:
            raise DataError(f"data: found {item!r:.60}; expected NAME=SET, as edm20=data/edm20")
        sets.setdefault(name, []).append(rest)
    return sets


def image_form(test: str | None, datasets: Sequence[str]) -> tuple[ImageForm, bool]:
    """Of the test set, or else of a training set, where one is there; whether one was."""
    for name in filter(None, (test, *datasets)):
        found = PASSES.fullmatch(name)
        try:
            shards = open_set([found[1] if found else name])
        except (DataError, OSError):
            continue
        form = ImageForm(shards.shape[0], shards.classes or ImageForm.classes)
        return replace(form, test_images=len(shards)) if name == test else form, True
    return ImageForm(), False


def rows_of(found: Plan, hardware: Hardware) -> list[dict[str, Any]]:
    """A row for each run: what it is, what it costs, and for how many hours a device trains it."""
    return [_row(run, found.costs[run.name], hardware) for run in found.grid.runs]


def _row(run: Run, cost: Cost, hardware: Hardware) -> dict[str, Any]:
    recipe = run.settled()
    whole = cost.flops + cost.evaluation_flops
    return {
        "run": run.name,
        "model": run.model,
        "dataset": run.dataset,
        "samples": round(run.samples),
        "seed": run.seed,
        "params": cost.params,
        "batch": recipe.batch,
        "lr": recipe.lr,
        "epochs": recipe.epochs,
        "images": cost.images,
        "flops": cost.flops,
        "evaluation_flops": cost.evaluation_flops,
        "device_hours": hardware.device_years(whole) * YEARS_TO_HOURS,
    }


def generation(found: Plan) -> tuple[float, list[str]]:
    """FLOPs of generating all data sets of which it is known how, and the names of the others."""
    costs = {dataset.name: generation_flops(dataset) for dataset in found.grid.used}
    known = [cost for cost in costs.values() if cost is not None]
    return sum(known), [name for name, cost in costs.items() if cost is None]


def seen_from(folder: str, grid: Grid, common: Common) -> tuple[Grid, Common]:
    """The grid and what its runs have in common, with the paths of sets as the folder sees them."""

    def moved(name: str | None) -> str | None:
        if name is None or os.path.isabs(name):
            return name
        found = PASSES.fullmatch(name)
        path, passes = (found[1], found[2] or "") if found else (name, "")
        return os.path.relpath(path, folder) + passes

    datasets = {
        name: replace(
            dataset,
            sets=tuple(str(moved(each)) for each in dataset.sets),
            real=moved(dataset.real),
        )
        for name, dataset in grid.datasets.items()
    }
    evaluation = replace(
        common.evaluation,
        test=moved(common.evaluation.test),
        validation=moved(common.evaluation.validation),
    )
    return replace(grid, datasets=datasets), replace(common, evaluation=evaluation)
