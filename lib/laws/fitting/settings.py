"""How a law is fitted to a table: settings, data sets of the stages, weights, resampling."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.runs.table import Table

DELTA = 1e-3  # Huber threshold on log residuals; App. F
BASE = "dg20"  # the study's base data set of Approach 2, and the sets its second stage is fitted to
QUALITY = ("edm7", "edm10", "edm20")


@dataclass
class Settings:
    """How to fit.  `base`, `quality`: data sets of the two stages of Approach 2, None for the
    study's where the table has them; `error_column`: weights 1/(relative error)^2.
    """

    recipe: str = "default"
    variant: str | None = None  # of Approach 2: "two-stage", "joint", "plain"; None chooses
    base: str | None = None
    quality: tuple[str, ...] = ()
    delta: float = DELTA
    bootstrap: int = 0
    seed: int = 0
    error_column: str | None = None
    progress: Callable[[Iterable], Iterable] = iter


def canonical_order(table: Table) -> np.ndarray:
    """The rows by FID, N, D and loss: an order of their own, so that results do not depend on how
    the table was sorted.
    """
    fid = table["fid"] if "fid" in table else np.zeros(len(table))
    return np.lexsort((table["loss"], table["samples"], table["params"], fid))


def resample(table: Table, settings: Settings, stream: int = 0) -> np.ndarray:
    """How often each row is drawn, (rows, draws): with replacement within each data set, one row a
    run.  `stream` keeps the draws of two stages apart.
    """
    rng = np.random.default_rng([settings.seed, stream])
    names = np.array(table["dataset"] if "dataset" in table else [""] * len(table))
    out = np.zeros((len(table), settings.bootstrap))
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == name)
        for draw in range(settings.bootstrap):
            chosen = rng.integers(len(rows), size=len(rows))
            out[rows, draw] = np.bincount(chosen, minlength=len(rows))
    return out


def stage_sets(table, fids, settings, notes):
    """The base data set and those of the second stage: as asked, the study's, or by FID."""
    base, quality = settings.base, settings.quality
    for name in (*([base] if base else []), *quality):
        if name not in fids:
            raise DataError(
                f"{table.source}: no data set {name!r} with a FID; has {', '.join(fids)}"
            )
    if base is None:
        base = BASE if BASE in fids else min(fids, key=fids.get)
        if base != BASE:
            notes.append(f"base data set: {base}, of the lowest FID")
    if not quality:
        usual = tuple(name for name in QUALITY if name in fids and name != base)
        quality = usual if len(usual) == 3 else tuple(n for n in fids if n != base)
        if len(usual) != 3:
            notes.append(f"quality fitted on {', '.join(quality)}")
    if base in quality:
        raise DataError(f"data set {base!r} is the base and cannot be in --quality too")
    return base, quality


def fids_of(table) -> dict[str, float]:
    """FID by data set, for those that have one; the first data set alone where all FIDs are equal,
    since then no quality can be told.  DataError where a data set has two FIDs.
    """
    if "fid" not in table or "dataset" not in table:
        return {}
    out: dict[str, float] = {}
    for name, fid in zip(table["dataset"], table["fid"].tolist(), strict=True):
        if fid != fid:
            continue
        if abs(out.setdefault(name, fid) - fid) > 1e-9 * max(1.0, fid):
            raise DataError(
                f"{table.source}: data set {name!r} has FID {out[name]:g} and {fid:g}; "
                "expected one FID a data set"
            )
    return out if len(set(out.values())) > 1 or not out else dict(list(out.items())[:1])


def law_columns(table, fid=None):
    """N, D, FID (or `fid` in every row) and loss, (n,) each, as the models of a law take them."""
    fids = table["fid"] if fid is None else np.full(len(table), fid)
    return table["params"], table["samples"], fids, table["loss"]


def row_weights(table, settings) -> np.ndarray:
    """(n, 1), summing to 1: equal, or one over the squared relative error of the loss."""
    if settings.error_column is None:
        return np.full((len(table), 1), 1.0 / len(table))
    if settings.error_column not in table:
        raise DataError(f"{table.source}: no column {settings.error_column!r} for weights")
    error = table[settings.error_column]
    if not isinstance(error, np.ndarray) or not (error > 0).all():
        raise DataError(
            f"{table.source}: column {settings.error_column!r}: weights need an error above 0 in "
            "every row"
        )
    weights = (table["loss"] / error) ** 2
    return (weights / weights.sum())[:, None]


def require_enough(table, free):
    """DataError unless there are more different runs than `free` parameters, in two sizes or more
    of each kind.
    """
    names = [name for name in ("params", "samples", "fid") if name in table]
    different = len(set(zip(*(table[name].tolist() for name in names), strict=True)))
    if different <= len(free):
        raise DataError(
            f"{table.source}: {different} different runs to fit {len(free)} parameters; expected "
            "more runs than parameters"
        )
    for name in ("params", "samples"):
        if len(set(table[name].tolist())) < 2:
            raise DataError(f"{table.source}: all runs have the same {name}; its exponent is open")
