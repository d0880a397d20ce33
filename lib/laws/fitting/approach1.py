"""Approach 1: the envelope of learning curves and its three regressions.

At each of 1000 budgets, evenly spaced in log FLOPs, the loss of every run is interpolated between
its checkpoints (linear in FLOPs; never before the first or beyond the last); the lowest is the
envelope, and a budget stays only if no smaller one had a lower loss.  N of the run that is lowest,
the samples it had seen and its loss then give N* ~ FLOPs^a, D* ~ FLOPs^b, L* ~ FLOPs^-c.

Source: Bartoldson et al. 2024, Sec. 3.2, App. F; official `scaling_law_utils.py`.
"""

from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.runs.table import Table, codes

QUERIES = 1000
MARGIN = 0.001  # log10 FLOPs beyond the first and last checkpoint; official code
NAMES = ("n0", "a", "d0", "b", "l0", "c")


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

    def envelope(self, runs=slice(None)) -> dict[str, np.ndarray]:
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


def curves_of(table: Table) -> Curves:
    """Curves from learning curves, from single checkpoints, or from an envelope table (no `run`).

    Raises DataError without `flops`, or with fewer than three distinct budgets.
    """
    if "flops" not in table:
        raise DataError(f"{table.source}: no column 'flops'; approach 1 needs it")
    if "run" not in table:
        return _given(table)
    run, flops = codes(table["run"]), table["flops"]
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
    spread = np.broadcast_to
    return Curves(
        table["flops"][order],
        loss,
        spread(table["params"][order], loss.shape),
        spread(table["samples"][order], loss.shape),
        "frontier",
    )


def _given(table: Table) -> Curves:
    """An envelope table; its stretches of one model in one run are the units to resample."""
    order = np.argsort(table["flops"], kind="stable")
    flops, params, samples = (table[name][order] for name in ("flops", "params", "samples"))
    new = np.r_[True, (np.diff(params) != 0) | (np.diff(samples) <= 0)]
    stretch = np.cumsum(new) - 1
    loss = np.full((stretch[-1] + 1, len(order)), np.inf)
    loss[stretch, np.arange(len(order))] = table["loss"][order]
    spread = np.broadcast_to
    return Curves(flops, loss, spread(params, loss.shape), spread(samples, loss.shape), "envelope")


def regress(envelope: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, float]]:
    """The six parameters (see `approach1`) and R2 of each regression, by least squares in log10.

    Raises DataError with fewer than three budgets.
    """
    x = np.log10(envelope["flops"])
    if len(np.unique(x)) < 3:
        raise DataError(f"the envelope has {len(x)} points; a power law needs three or more")
    parameters, r2 = {}, {}
    for (offset, slope), name in zip(
        (("n0", "a"), ("d0", "b"), ("l0", "c")), ("params", "samples", "loss"), strict=True
    ):
        y = np.log10(envelope[name])
        gradient, intercept = np.polyfit(x, y, 1)
        parameters[offset], parameters[slope] = float(intercept), float(gradient)
        spread = np.sum((y - y.mean()) ** 2)
        residual = np.sum((y - intercept - gradient * x) ** 2)
        r2[name] = float(1 - residual / spread) if spread > 0 else 1.0
    parameters["l0"], parameters["c"] = 10 ** parameters["l0"], -parameters["c"]
    return parameters, r2


def bootstrap(curves: Curves, draws: int, seed: int) -> dict[str, list[float]]:
    """Refit with runs drawn with replacement (of an envelope table, the stretches that one run
    holds); draws whose envelope is too short for a line are drawn again.
    """
    rng = np.random.default_rng(seed)
    out: dict[str, list[float]] = {name: [] for name in NAMES}
    runs, tried = len(curves.loss), 0
    while len(out["a"]) < draws and tried < 20 * draws:
        tried += 1
        chosen = rng.integers(runs, size=runs)
        if curves.kind == "envelope":
            envelope = _repeat_stretches(curves, chosen)
        else:
            envelope = curves.envelope(np.unique(chosen))
        if len(np.unique(envelope["flops"])) < 3:
            continue
        for name, value in regress(envelope)[0].items():
            out[name].append(value)
    return out if len(out["a"]) == draws else {}


def _repeat_stretches(curves: Curves, chosen):
    at = np.concatenate([np.flatnonzero(np.isfinite(curves.loss[i])) for i in chosen])
    loss = curves.loss.min(axis=0)
    return {
        "flops": curves.flops[at],
        "loss": loss[at],
        "params": curves.params[0][at],
        "samples": curves.samples[0][at],
    }
