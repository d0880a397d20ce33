"""The envelope of learning curves: the lowest loss that any run had reached at each budget.

At each of 1000 budgets, evenly spaced in log FLOPs, the loss of every run is interpolated between
its checkpoints (linear in FLOPs; never before the first or beyond the last); the lowest is the
envelope, and a budget stays only if no smaller one had a lower loss.

Source: Bartoldson et al. 2024, Sec. 3.2, App. F; official `scaling_law_utils.py`.
"""

from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.runs.table import Table, numbered

QUERIES = 1000
MARGIN = 0.001  # log10 FLOPs beyond the first and last checkpoint; official code
LEAST = 3  # points of a line that is worth one


@dataclass
class Curves:
    """Every run's loss, parameters and samples on the query grid: (runs, queries), inf where a run
    has no checkpoints around; `flops` (queries,).  Of an envelope table, a row per stretch that one
    run holds.
    """

    flops: np.ndarray
    loss: np.ndarray
    params: np.ndarray
    samples: np.ndarray
    kind: str  # "curves", "frontier" of single checkpoints, or "envelope"

    def envelope(self, runs: slice | np.ndarray = slice(None)) -> dict[str, np.ndarray]:
        """Columns flops, loss, params, samples of the envelope of some of the runs."""
        best = np.argmin(self.loss[runs], axis=0)
        at = np.arange(len(self.flops))
        loss = self.loss[runs][best, at]
        keep = np.isfinite(loss)
        if self.kind != "envelope":
            keep &= loss <= np.minimum.accumulate(loss)
        return {
            "flops": self.flops[keep],
            "loss": loss[keep],
            "params": self.params[runs][best, at][keep],
            "samples": self.samples[runs][best, at][keep],
        }

    def resampled(self, units: np.ndarray) -> dict[str, np.ndarray]:
        """The envelope of runs drawn with replacement; of an envelope table, the stretches that
        were drawn, each as often.
        """
        if self.kind != "envelope":
            return self.envelope(np.unique(units))
        at = np.concatenate([np.flatnonzero(np.isfinite(self.loss[i])) for i in units])
        return {
            "flops": self.flops[at],
            "loss": self.loss.min(axis=0)[at],
            "params": self.params[0][at],
            "samples": self.samples[0][at],
        }


def curves_of(table: Table) -> Curves:
    """Curves from learning curves, from single checkpoints, or from an envelope table (no `run`).

    Raises DataError without `flops`, or with fewer than three distinct budgets.
    """
    if "flops" not in table:
        raise DataError(f"{table.source}: no column 'flops'; approach 1 needs it")
    if "run" not in table:
        return _ready_envelope(table)
    run, flops = numbered(table["run"]), table["flops"]
    counts = np.bincount(run)
    if counts.max() == 1:
        return _frontier(table)
    grid = np.logspace(np.log10(flops.min()) - MARGIN, np.log10(flops.max()) + MARGIN, num=QUERIES)
    shape = (len(counts), QUERIES)
    loss, params, samples = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    for i in range(len(counts)):
        rows = np.flatnonzero(run == i)
        rows = rows[np.argsort(flops[rows], kind="stable")]
        inside = (grid >= flops[rows[0]]) & (grid <= flops[rows[-1]])
        loss[i, inside] = np.interp(grid[inside], flops[rows], table["loss"][rows])
        samples[i, inside] = np.interp(grid[inside], flops[rows], table["samples"][rows])
        params[i] = table["params"][rows[0]]
    return Curves(grid, loss, params, samples, "curves")


def _frontier(table: Table) -> Curves:
    """Runs with one checkpoint each: a query at every run's budget, where only that run counts."""
    order = np.argsort(table["flops"], kind="stable")
    loss = np.full((len(order), len(order)), np.inf)
    np.fill_diagonal(loss, table["loss"][order])
    return Curves(
        table["flops"][order],
        loss,
        np.broadcast_to(table["params"][order], loss.shape),
        np.broadcast_to(table["samples"][order], loss.shape),
        "frontier",
    )


def _ready_envelope(table: Table) -> Curves:
    """An envelope table; its stretches of one model in one run are the units to resample."""
    order = np.argsort(table["flops"], kind="stable")
    flops, params, samples = (table[name][order] for name in ("flops", "params", "samples"))
    new = np.r_[True, (np.diff(params) != 0) | (np.diff(samples) <= 0)]
    stretch = np.cumsum(new) - 1
    loss = np.full((stretch[-1] + 1, len(order)), np.inf)
    loss[stretch, np.arange(len(order))] = table["loss"][order]
    return Curves(
        flops,
        loss,
        np.broadcast_to(params, loss.shape),
        np.broadcast_to(samples, loss.shape),
        "envelope",
    )


def enough(envelope: dict[str, np.ndarray]) -> bool:
    """Whether an envelope has as many distinct budgets as a line needs."""
    return len(np.unique(envelope["flops"])) >= LEAST
