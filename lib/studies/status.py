"""How far the runs of a study are: read off their logs, locks and what they said."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError, printable
from advlib.jobs.files import is_locked
from advlib.jobs.training_log import LOG, read_training_log
from advlib.studies.commands import folder_of, said_by
from advlib.studies.grid import Run

FRESH = 600.0  # seconds since its log grew, for which a run may be at work on another machine
TAIL = 4096  # bytes at the end of what a run said
OURS = "advtrain:"  # begins lines of the run itself
NO_ERRORS = ("advtrain: note:", "advtrain: epoch ")  # begin lines that a run at work says


@dataclass(frozen=True)
class Progress:
    """Of a run: state is "done", "running", "stopped" (it goes on with the same command), "failed"
    or "waiting".  images: seen so far.  speed: images a second; None where it is not known.  said:
    the last line on standard error, of a run that failed.
    """

    state: str
    images: int = 0
    speed: float | None = None
    said: str = ""


def progress_of(study: str, run: Run) -> Progress:
    """How far a run is.  study: the study's folder.

    Raises DataError for a log that cannot be read, and for that of another run.
    """
    folder = os.path.join(study, folder_of(run))
    path, errors = os.path.join(folder, LOG), os.path.join(study, said_by(run))
    if not os.path.exists(path) or not os.path.getsize(path):
        if is_locked(folder):
            return Progress("running")
        said = _last_line(errors)
        nothing_wrong = not said or said.startswith(NO_ERRORS)
        return Progress("waiting") if nothing_wrong else Progress("failed", said=said)
    with open(path, "rb") as file:
        header, rows = read_training_log(file, path)
    _require_same(path, header, run)
    images = max((row["samples"] for row in rows if _count(row.get("samples"))), default=0)
    speeds = [row["images_per_second"] for row in rows if row.get("images_per_second")]
    speed = float(speeds[-1]) if speeds else None
    if any(row["event"] == "end" for row in rows):
        return Progress("done", images, speed)
    if is_locked(folder):
        return Progress("running", images, speed)
    said = _last_line(errors, OURS)  # launchers and schedulers speak there too, of any end
    if said and not said.startswith(NO_ERRORS):
        return Progress("failed", images, speed, said)
    stopped = said.startswith(NO_ERRORS[0]) or time.time() - os.path.getmtime(path) > FRESH
    return Progress("stopped" if stopped else "running", images, speed)


def status_rows(study: str, runs: list[tuple[Run, int, float]]) -> Iterator[dict[str, Any]]:
    """A row for each run with the images that it sees in all and its FLOPs, as CSV has it."""
    for run, images, flops in runs:
        found = progress_of(study, run)
        share = min(found.images / images, 1.0)
        left = (images - found.images) / found.speed if found.speed else None
        yield {
            "run": run.name,
            "state": found.state,
            "images": found.images,
            "share": share,
            "flops": share * flops,
            "hours_left": 0.0 if found.state == "done" else left and max(left, 0.0) / 3600,
            "said": found.said,
        }


def _count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_same(path: str, header: dict[str, Any], run: Run) -> None:
    """DataError unless a log is of this run."""
    model, recipe = header.get("model") or {}, header.get("recipe") or {}
    wanted = {
        "model": (model.get("model"), run.model),
        "dataset": (header.get("dataset"), run.dataset),
        "samples": (recipe.get("samples"), run.samples),
        "seed": (recipe.get("seed"), run.seed),
    }
    for key, (found, expected) in wanted.items():
        if found != expected:
            raise DataError(
                f"{path}: {key}: found {found!r:.60}; expected {expected!r}: it is of another study"
            )


def _last_line(path: str, begin: str = "") -> str:
    """The last line of a file that is not empty and begins so; "" where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.path.getsize(path) - TAIL, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    stripped = (line.strip() for line in reversed(lines))
    return printable(next((line for line in stripped if line and line.startswith(begin)), ""))
