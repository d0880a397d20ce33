"""Which rows of a runs table a law is fitted to (paper Sec. 3.2 and App. F)."""

from collections.abc import Sequence

import numpy as np

from advlib.conditions import Comparison, parse_comparison
from advlib.runs.table import Table, codes

# Underfitting runs (App. F): all three must hold; planned sizes, since a 10M run sees 10.0352M.
UNDERFIT = ("params<1e8", "planned_samples>1e7", "fid<10")
MIN_FRACTION = 0.5  # of the planned training; earlier checkpoints are left out (Sec. 3.2)


def where(table: Table, comparisons: Sequence[Comparison]) -> np.ndarray:
    """Which rows satisfy all `comparisons`, shape (n,) bool."""
    keep = np.ones(len(table), bool)
    for comparison in comparisons:
        keep &= comparison.mask(table.columns)
    return keep


def finished_enough(table: Table, fraction: float = MIN_FRACTION) -> np.ndarray:
    """Checkpoints after at least `fraction` of the planned samples; all where no plan is known."""
    if "planned_samples" not in table:
        return np.ones(len(table), bool)
    planned = table["planned_samples"]
    return ~(table["samples"] < fraction * planned)


def underfit(table: Table) -> np.ndarray:
    """Runs that the study drops: N < 100M, planned D > 10M and FID < 10, all three."""
    comparisons = [parse_comparison(text) for text in UNDERFIT]
    if any(c.column not in table for c in comparisons):
        return np.zeros(len(table), bool)
    return where(table, comparisons)


def best_checkpoints(table: Table) -> np.ndarray:
    """The row of least loss of each run, in table order; shape (runs,)."""
    run, loss = codes(table["run"]), table["loss"]
    order = np.lexsort((table["samples"], loss, run))
    first = np.r_[True, np.diff(run[order]) != 0]
    return np.sort(order[first])
