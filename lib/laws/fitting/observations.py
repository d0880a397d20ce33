"""What a fit takes of the rows of a runs table: columns, weights, FIDs, the constant k, a digest.

Source: Bartoldson et al. 2024, Sec. 3.2, App. B and F.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from advlib.errors import DataError
from advlib.laws.fit import ASSUMED, K
from advlib.laws.fitting.settings import Settings
from advlib.runs.table import Table

K_TOLERANCE = 0.01  # the study's runs agree with FLOPs = 7822 N D within this; App. B
K_SPREAD = 0.05  # range of log FLOPs / (N D) from which a mean of it is remarked on
Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # N, D, FID, loss, (n,) each
DIGESTED = ("dataset", "fid", "params", "samples", "flops", "loss")  # columns


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


def require_enough(table: Table, parameters: int) -> None:
    """DataError unless there are more different runs than `parameters` to fit, in two sizes or
    more of each kind.
    """
    names = [name for name in ("params", "samples", "fid") if name in table]
    different = len(set(zip(*(table[name].tolist() for name in names), strict=True)))
    if different <= parameters:
        raise DataError(
            f"{table.source}: {different} different runs to fit {parameters} parameters; expected "
            "more runs than parameters"
        )
    for name in ("params", "samples"):
        if len(set(table[name].tolist())) < 2:
            raise DataError(f"{table.source}: all runs have the same {name}; its exponent is open")


def with_quality(table: Table, settings: Settings) -> tuple[Table, Settings]:
    """The table with the quality that the settings name in place of FID, and the settings for it.

    The study's rule on underfit runs speaks of FID and is not applied then.  Raises DataError where
    there is no such column of numbers of 0 or above.
    """
    name = settings.quality_column
    if name in (None, "fid"):
        return table, settings
    if name not in table:
        raise DataError(f"{table.source}: no column {name!r} to take as the quality of the images")
    values = qualities(table, name)
    other = Table({**table.columns, "fid": values}, table.source, table.origin)
    return other, replace(settings, keep_underfit=True)


def qualities(table: Table, name: str) -> np.ndarray:
    """A column as qualities, (n,) float64, NaN for empty cells; it may be one carried as text.

    Raises DataError, naming the row, for what is no number of 0 or above.
    """
    values = np.array([_quality(value) for value in table[name]], np.float64)
    if (wrong := np.isinf(values) | (values < 0)).any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{table.place(row)}: column {name!r}: found {table[name][row]!r:.40}; expected a"
            " number, 0 or above"
        )
    return values


def _quality(value: float | str) -> float:
    """A cell as a number; NaN for an empty one, below 0 for what is none."""
    if value == "":
        return np.nan
    try:
        return float(value)
    except ValueError:
        return -1.0


def fids_of(table: Table) -> dict[str, float]:
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


def require_several_fids(fids: dict[str, float], table: Table, what: str, instead: str) -> None:
    """DataError unless the data sets have two or more FIDs; `instead`: what would do without."""
    if len(fids) < 2:
        raise DataError(
            f"{table.source}: {what} needs data sets of two or more FIDs, found {len(fids)}; "
            f"{instead}"
        )


def law_columns(table: Table, fid: float | None = None) -> Columns:
    """N, D, FID (or `fid` in every row) and loss, (n,) each, as the models of a law take them."""
    fids = table["fid"] if fid is None else np.full(len(table), fid)
    return table["params"], table["samples"], fids, table["loss"]


def row_weights(table: Table, column: str | None) -> np.ndarray:
    """(n, 1), summing to 1: equal, or one over the squared relative error of the loss, whose error
    is in `column`.
    """
    if column is None:
        return np.full((len(table), 1), 1.0 / len(table))
    if column not in table:
        raise DataError(f"{table.source}: no column {column!r} for weights")
    error = table[column]
    if not isinstance(error, np.ndarray) or not (error > 0).all():
        raise DataError(
            f"{table.source}: column {column!r}: weights need an error above 0 in every row"
        )
    weights = (table["loss"] / error) ** 2
    return (weights / weights.sum())[:, None]


def without_fid(used: np.ndarray) -> list[str]:
    """A note of the rows that a law of quality cannot use, if there are any."""
    return [] if used.all() else [f"{(~used).sum()} rows without FID are left out"]


def flops_constant(table: Table, k: float | None, notes: list[str]) -> tuple[float, str]:
    """The k of FLOPs = k N D, and its source: "given"; of the "table", the study's where it agrees
    with that; or "assumed", the study's.
    """
    if k is not None:
        return k, "given"
    if "flops" not in table or not np.isfinite(table["flops"]).any():
        notes.append(f"no flops in the table: FLOPs = {K:g} N D is assumed")
        return K, ASSUMED
    ratio = np.log(table["flops"] / (table["params"] * table["samples"]))
    ratio = ratio[np.isfinite(ratio)]
    mean = float(np.exp(ratio.mean()))
    if abs(mean / K - 1) <= K_TOLERANCE:
        return K, "table"
    if np.ptp(ratio) > K_SPREAD:
        notes.append(
            f"FLOPs / (N D) runs from {np.exp(ratio.min()):.4g} to {np.exp(ratio.max()):.4g}: "
            f"the mean {mean:.4g} is used"
        )
    return mean, "table"


def rows_of_dataset(table: Table, names: Sequence[str]) -> np.ndarray:
    """Which rows are of one of the data sets, (n,) bool."""
    return np.isin(table.names("dataset"), list(names))


def digest(table: Table) -> str:
    """sha256 over the rows' numbers, whatever their order."""
    names = [name for name in DIGESTED if name in table]
    columns = [table[n] if isinstance(table[n], list) else table[n].tolist() for n in names]
    lines = sorted(",".join(map(repr, row)) for row in zip(*columns, strict=True))
    return "sha256:" + hashlib.sha256("\n".join([",".join(names), *lines]).encode()).hexdigest()
