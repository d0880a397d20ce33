"""The runs of a study: models x planned samples x data sets x seeds, and their names."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advlib.errors import DataError
from advlib.models.zoo import parse
from advlib.training.recipe import Recipe

SUFFIXES = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")  # of a run and a data set: parts of file names
MOST = 100_000  # runs of a study
FREE = ("samples", "seed")  # settings of a recipe that differ from run to run


@dataclass(frozen=True)
class DataSet:
    """Images to train on.

    name: as tables call it.  sets: what advtrain's --data takes, `SET[=PASSES]` each.  real: name
    of a set of real images that are mixed in.  fid: None where the sets' history says it.
    generated: how many images were sampled for it, evaluations of a network for each, FLOPs of one;
    None where that is not known.
    """

    name: str
    sets: tuple[str, ...]
    real: str | None = None
    fid: float | None = None
    generated: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        require_name("data set", self.name)


@dataclass(frozen=True)
class Run:
    """A training run: `samples` images planned, of a data set, by name; recipe: its settings that
    are not the paper's, but for those in FREE.
    """

    name: str
    model: str
    dataset: str
    samples: float
    seed: int = 0
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def settled(self) -> Recipe:
        """The whole recipe.  Raises DataError for settings that do not go together."""
        return Recipe(**{"samples": self.samples, "seed": self.seed, **self.recipe})


@dataclass(frozen=True)
class Grid:
    """Runs, in the order in which they are listed, and the data sets that they train on."""

    runs: tuple[Run, ...]
    datasets: Mapping[str, DataSet]

    def __post_init__(self) -> None:
        if not self.runs:
            raise DataError("a grid of no runs; expected models, samples and data sets, or a table")
        if len(self.runs) > MOST:
            raise DataError(f"{len(self.runs)} runs; expected at most {MOST}")
        seen: set[str] = set()
        for run in self.runs:
            require_name("run", run.name)
            if run.name in seen:
                raise DataError(f"run {run.name}: comes twice; give each run a name of its own")
            seen.add(run.name)
            parse(run.model)
            if run.dataset not in self.datasets:
                known = ", ".join(self.datasets) or "none"
                raise DataError(
                    f"run {run.name}: no data set {run.dataset!r} among {known}; give it as"
                    f" --data {run.dataset}=SET"
                )
            try:
                run.settled()
            except DataError as err:
                raise DataError(f"run {run.name}: {err}") from None

    @property
    def used(self) -> list[DataSet]:
        """The data sets that a run trains on, in their order."""
        names = {run.dataset for run in self.runs}
        return [dataset for dataset in self.datasets.values() if dataset.name in names]


def product(
    models: Sequence[str],
    samples: Sequence[float],
    datasets: Iterable[str],
    seeds: Sequence[int],
    recipe: Mapping[str, Any],
) -> list[Run]:
    """A run for each combination; seeds are in the names where there are several."""
    runs = []
    for dataset, model, count, seed in itertools.product(datasets, models, samples, seeds):
        name = run_name(parse(model).name, dataset, count, seed if len(seeds) > 1 else None)
        runs.append(Run(name, parse(model).name, dataset, count, seed, recipe))
    return runs


def run_name(model: str, dataset: str, samples: float, seed: int | None = None) -> str:
    """As the study names its runs, wrn-82-4_edm5_10M; a seed is added as _seed1."""
    return f"{model}_{dataset}_{count_word(samples)}" + ("" if seed is None else f"_seed{seed}")


def count_word(number: float) -> str:
    """5M for 5000000: the shortest form that reads back to the same number."""
    for size, suffix in SUFFIXES:
        word = f"{number / size:.15g}"
        if number >= size and float(word) * size == number and len(word) < 8:
            return word + suffix
    return f"{number:.15g}"


def require_name(kind: str, name: str) -> None:
    """DataError for a name that cannot be part of a file's."""
    if not NAME.fullmatch(name) or len(name) > 200:
        raise DataError(
            f"{kind} {name!r:.60}: expected a name of letters, digits and . _ + -, which files have"
        )
