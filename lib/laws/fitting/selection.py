"""What a law is fitted to: the rows of a request, those held out, and the constant k.

Source: Bartoldson et al. 2024, Sec. 3.2, App. B and F.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from advlib.conditions import Comparison
from advlib.errors import DataError
from advlib.laws.document import K
from advlib.laws.fitting.settings import Settings, canonical_order
from advlib.runs import select
from advlib.runs.table import Table

K_TOLERANCE = 0.01  # the study's runs agree with FLOPs = 7822 N D within this; App. B


@dataclass
class Request:
    """What to fit to: which rows, which are held out, which constant k (None: from the table)."""

    settings: Settings
    min_fraction: float = select.MIN_FRACTION
    keep_underfit: bool = False
    holdout: tuple[Comparison, ...] = ()
    k: float | None = None
    datasets: tuple[str, ...] = ()  # of Approach 1; empty for each in turn
    notes: list[str] = field(default_factory=list)


@dataclass
class Chosen:
    """The best checkpoint of each run, in canonical order (the published recipe's: the table's),
    and which are held out or underfit.
    """

    table: Table
    held: np.ndarray
    underfit: np.ndarray
    steps: list[str]


def checkpoints(table: Table, request: Request) -> Chosen:
    """The rows for Approaches 2 and 3: half trained or more, the best of each run."""
    steps = []
    late = select.finished_enough(table, request.min_fraction)
    rows = table.take(np.flatnonzero(late))
    if "planned_samples" in table:
        steps.append(f"samples >= {request.min_fraction:g} * planned_samples: {len(rows)} rows")
    if not len(rows):
        raise DataError(
            f"{table.source}: no checkpoint has {request.min_fraction:g} of its training"
        )
    if "run" in rows:
        rows = rows.take(select.best_checkpoints(rows))
        steps.append(f"lowest loss of each run: {len(rows)} rows")
    if request.settings.recipe != "published":  # where the study's code stops depends on row order
        rows = rows.take(canonical_order(rows))
    held = select.where(rows, request.holdout) if request.holdout else np.zeros(len(rows), bool)
    if request.holdout:
        if not held.any():
            raise DataError(f"--holdout {condition_text(request.holdout)}: no row satisfies it")
        steps.append(f"held out, {condition_text(request.holdout)}: {held.sum()} rows")
    under = np.zeros(len(rows), bool)
    if not request.keep_underfit:
        under = select.underfit(rows)
        if under.any():
            rule = " and ".join(select.UNDERFIT)
            steps.append(f"underfit, {rule}: {under.sum()} rows left out")
            request.notes.append(
                f"{under.sum()} underfit runs are left out ({rule}); --keep-underfit keeps them"
            )
    return Chosen(rows, held, under, steps)


def require_numbers(table: Table, name: str, what: str) -> None:
    """DataError, naming the row, unless every row has a number in column `name`."""
    if name not in table:
        raise DataError(f"{table.source}: no column {name!r}; {what} needs it")
    missing = np.isnan(table[name])
    if missing.any():
        raise DataError(
            f"{table.place(int(np.argmax(missing)))}: column {name!r}: found an empty cell; "
            f"{what} needs a number above 0 (drop such rows with --where '{name}>0')"
        )


def flops_constant(table, request) -> float:
    """The k of FLOPs = k N D: as asked, the study's where the table agrees, else the table's."""
    if request.k is not None:
        return request.k
    if "flops" not in table or not np.isfinite(table["flops"]).any():
        request.notes.append(f"no flops in the table: FLOPs = {K:g} N D is assumed")
        return K
    ratio = np.log(table["flops"] / (table["params"] * table["samples"]))
    ratio = ratio[np.isfinite(ratio)]
    mean = float(np.exp(ratio.mean()))
    if abs(mean / K - 1) <= K_TOLERANCE:
        return K
    if np.ptp(ratio) > 0.05:
        request.notes.append(
            f"FLOPs / (N D) runs from {np.exp(ratio.min()):.4g} to {np.exp(ratio.max()):.4g}: "
            f"the mean {mean:.4g} is used"
        )
    return mean


def condition_text(comparisons: Sequence[Comparison]) -> str:
    """Conditions in the words of the options."""
    return ", ".join(map(str, comparisons))
