"""Which rows of a runs table a law is fitted to: the study's rules, and those held out.

Source: Bartoldson et al. 2024, Sec. 3.2 and App. F.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advlib.conditions import Comparison, parse_comparison, satisfied
from advlib.errors import DataError
from advlib.laws.fitting.settings import MIN_FRACTION, Settings
from advlib.runs.table import Table, numbered

# Underfitting runs (App. F): all three must hold; planned sizes, since a 10M run sees 10.0352M.
UNDERFIT = ("params<1e8", "planned_samples>1e7", "fid<10")


@dataclass
class Chosen:
    """The best checkpoint of each run, in canonical order (the published recipe's: the table's),
    which are held out and which underfit, (n,) bool each, and the steps of the selection in words.
    """

    table: Table
    held: np.ndarray
    underfit: np.ndarray
    steps: list[str]

    @property
    def training(self) -> np.ndarray:
        """Numbers of the rows that may be fitted: neither held out nor underfit."""
        return np.flatnonzero(~self.held & ~self.underfit)


def checkpoints(table: Table, settings: Settings, notes: list[str]) -> Chosen:
    """The rows for laws of any N and D: half trained or more, the best of each run."""
    rows, steps = trained_enough(table, settings.min_fraction)
    if "run" in rows:
        rows = rows.take(best_checkpoints(rows))
        steps.append(f"lowest loss of each run: {len(rows)} rows")
    if settings.recipe != "published":  # where the study's code stops depends on row order
        rows = rows.take(canonical_order(rows))
    held, text = np.zeros(len(rows), bool), condition_text(settings.held_out)
    if settings.holdout:
        held = held_out(rows, settings.held_out)
        steps.append(f"held out, {text}: {held.sum()} rows")
    left_out = np.zeros(len(rows), bool)
    if not settings.keep_underfit:
        left_out = underfit(rows)
        if left_out.any():
            rule = " and ".join(UNDERFIT)
            steps.append(f"underfit, {rule}: {left_out.sum()} rows left out")
            notes.append(
                f"{left_out.sum()} underfit runs are left out ({rule}); --keep-underfit keeps them"
            )
    return Chosen(rows, held, left_out, steps)


def trained_enough(table: Table, fraction: float) -> tuple[Table, list[str]]:
    """The checkpoints after a share of their planned training, and that step in words.

    DataError where none is, or where another share than the study's is asked for and nothing is
    known of plans.
    """
    if "planned_samples" not in table:
        if fraction != MIN_FRACTION:
            raise DataError(
                f"{table.source}: no column 'planned_samples', without which --min-fraction leaves "
                "out nothing"
            )
        return table, []
    rows = table.take(np.flatnonzero(late_enough(table, fraction)))
    if not len(rows):
        raise DataError(f"{table.source}: no checkpoint has {fraction:g} of its training")
    return rows, [f"samples >= {fraction:g} * planned_samples: {len(rows)} rows"]


def late_enough(table: Table, fraction: float = MIN_FRACTION) -> np.ndarray:
    """Which checkpoints are after at least `fraction` of the planned samples, (n,) bool; all where
    no plan is known.
    """
    if "planned_samples" not in table:
        return np.ones(len(table), bool)
    return ~(table["samples"] < fraction * table["planned_samples"])


def underfit(table: Table) -> np.ndarray:
    """Runs that the study drops, (n,) bool: N < 100M, planned D > 10M and FID < 10, all three."""
    comparisons = [parse_comparison(text) for text in UNDERFIT]
    if any(c.column not in table for c in comparisons):
        return np.zeros(len(table), bool)
    return satisfied(comparisons, table.columns, len(table))


def best_checkpoints(table: Table) -> np.ndarray:
    """The row of least loss of each run, in table order; shape (runs,)."""
    run, loss = numbered(table["run"]), table["loss"]
    order = np.lexsort((table["samples"], loss, run))
    first = np.r_[True, np.diff(run[order]) != 0]
    return np.sort(order[first])


def canonical_order(table: Table) -> np.ndarray:
    """The rows by FID, N, D and loss: an order of their own, so that results do not depend on how
    the table was sorted.
    """
    fid = table["fid"] if "fid" in table else np.zeros(len(table))
    return np.lexsort((table["loss"], table["samples"], table["params"], fid))


def held_out(table: Table, comparisons: Sequence[Comparison]) -> np.ndarray:
    """Which rows satisfy all conditions, (n,) bool; DataError where none does."""
    held = satisfied(comparisons, table.columns, len(table))
    if not held.any():
        raise DataError(f"--holdout {condition_text(comparisons)}: no row satisfies it")
    return held


def on_frontier(table: Table) -> np.ndarray:
    """Rows that no cheaper row of the same data set beats, shape (n,) bool: the only ones of which
    Approach 1, a law of the best loss for a budget, speaks.
    """
    keep = np.zeros(len(table), bool)
    names = table.names("dataset")
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == name)
        rows = rows[np.lexsort((table["loss"][rows], table["flops"][rows]))]
        loss = table["loss"][rows]
        keep[rows] = loss <= np.minimum.accumulate(loss)
    return keep


def condition_text(comparisons: Sequence[Comparison]) -> str:
    """Conditions in the words of the options."""
    return ", ".join(map(str, comparisons))
