"""The command line of a run, which goes on where it stopped when it is given again."""

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from advlib.settings import settings_of
from advlib.studies.grid import DataSet, Run, count_word
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation, TrainingImages

RUNS = "runs"  # the folder of runs in a study's


@dataclass(frozen=True)
class Common:
    """What all runs of a study have: sets of evaluations and when they are used, the share of real
    images, normalisation; launcher: words before each command, as "torchrun --no-python".  Paths
    are as seen from the study's folder.
    """

    evaluation: Evaluation = field(default_factory=Evaluation)
    share: str = str(TrainingImages.share)
    normalisation: str = TrainingImages.normalisation
    launcher: str = ""


@dataclass(frozen=True)
class Line:
    """A run to who starts it: its name, folder and command, and the FLOPs that it takes."""

    name: str
    folder: str
    command: str
    flops: float


def folder_of(run: Run) -> str:
    """Where a run trains, in the study's folder."""
    return os.path.join(RUNS, run.name)


def words_of(run: Run, dataset: DataSet, common: Common) -> list[str]:
    """The run as words of a command line, to be started in the study's folder."""
    words = ["advtrain", run.model]
    for name in dataset.sets:
        words += ["--data", name]
    if dataset.real:
        words += ["--real", dataset.real]
        if common.share != str(TrainingImages.share):
            words += ["--share", common.share]
    words += ["--samples", count_word(run.samples)]
    words += list(_options(Evaluation, vars(common.evaluation)))
    words += list(_options(Recipe, {"seed": run.seed, **run.recipe}))
    if common.normalisation != TrainingImages.normalisation:
        words += ["--normalisation", common.normalisation]
    words += ["--dataset-name", dataset.name]
    if dataset.fid is not None:
        words += ["--fid", f"{dataset.fid:.15g}"]
    return [*words, "-o", folder_of(run)]


def line_of(run: Run, dataset: DataSet, common: Common) -> str:
    """The run as one simple command of a shell, which keeps what it says in a file of its own.

    A simple command, so that `bash -c` becomes it, and a signal reaches advtrain itself.
    """
    words = shlex.join([*shlex.split(common.launcher), *words_of(run, dataset, common)])
    return f"{words} 2>{shlex.quote(said_by(run))}"


def said_by(run: Run) -> str:
    """The file of what a run says on standard error, the last time that it was started."""
    return folder_of(run) + ".err"


def _options(group: type, values: Mapping[str, Any]) -> Iterator[str]:
    """Options for the values that are not the declared defaults."""
    for name, declared in settings_of(group).items():
        value = values.get(name, declared.default)
        if value is None or value == declared.default:
            continue
        spelling = "--" + name.replace("_", "-")
        if declared.kind is bool:
            yield spelling if value else f"--no-{spelling[2:]}"
        else:
            yield from (spelling, f"{value:.17g}" if isinstance(value, float) else str(value))
