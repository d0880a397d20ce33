"""What figures read from fits: ranges of budgets, bands over draws, runs, names for legends."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.figures.style import plain_label
from advlib.laws.fit import Fit, Member
from advlib.laws.intervals import percentile_interval
from advlib.runs.table import Table

POINTS = 41  # along a curve
HIGHEST = 1e100  # FLOPs; Matplotlib has no ticks near the largest float
DRAWS = 1000  # of a band; every second of 2000 draws, and so on
TEXT = ("run", "model", "dataset", "role")


def budgets(flops: Sequence[float] | None, low: float, high: float) -> np.ndarray:
    """FLOPs along an axis, (n,): between the least and the greatest of `flops`, at its very numbers
    where there are more than two; from `low` to `high` without it.
    """
    ends = sorted(set(flops)) if flops else [low, high]
    if len(ends) < 2:
        raise DataError(f"found the one budget {ends[0]:g}; an axis of FLOPs needs two or more")
    if ends[-1] > HIGHEST:
        raise DataError(
            f"found a budget of {ends[-1]:g} FLOPs; an axis ends at {HIGHEST:g} or less"
        )
    return np.geomspace(ends[0], ends[1], POINTS) if len(ends) == 2 else np.array(ends)


def least_flops(fits: Sequence[Fit], otherwise: float) -> float:
    """The smallest budget among the runs behind the fits."""
    tables = [table for fit in fits if (table := own_runs(fit)) is not None]
    found = [np.nanmin(t["flops"]) for t in tables if "flops" in t and not _empty(t["flops"])]
    return float(min(found, default=otherwise))


def _empty(column: np.ndarray) -> bool:
    """Whether a column of numbers holds none."""
    return bool(np.isnan(column).all())


def band(
    fit: Fit, fid: float, xs: np.ndarray, read: Callable[[Member, Any, float], float]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The 95 % interval over the draws of read(member, its law at `fid`, x), at each of `xs` (n,):
    two (n,), or None where the fit has no draws.
    """
    if not fit.draws:
        return None
    members = fit.draws[:: -(-len(fit.draws) // DRAWS)]
    pairs = [(member, fit.law(member, fid)) for member in members]
    edges = [percentile_interval([read(m, law, x) for m, law in pairs]) for x in xs.tolist()]
    low, high = np.array(edges).T
    return low, high


def qualities(
    fit: Fit, fids: Sequence[float] = (), datasets: Sequence[str] = (), every: bool = False
) -> list[tuple[str, float]]:
    """Name and FID as asked for; else the best data set (or `every` one), and perfect data."""
    chosen = fit.qualities(fids, datasets)
    if fids or datasets or not fit.has_quality:
        return chosen
    if every and fit.fids:
        chosen = list(fit.fids.items())
    return [("", 0.0), *(pair for pair in chosen if pair[1] > 0)]


def own_runs(fit: Fit) -> Table | None:
    """The runs behind a fit, with their `role`; the points of the envelope for Approach 1; None
    where the document has neither.  DataError for one that advfit(5) does not allow.
    """
    field = "data" if fit.form.surface else "envelope"
    found = fit.document.get(field)
    if not found:
        return None
    if not (isinstance(found, dict) and all(isinstance(v, list) for v in found.values())):
        raise DataError(f"{fit.name}: {field}: expected a list for each column")
    for name in ("params", "samples", "loss"):
        if name not in found:
            raise DataError(f"{fit.name}: {field}: no column {name}")
    columns = {name: _column(fit, field, name, values) for name, values in found.items()}
    if len({len(column) for column in columns.values()}) != 1 or not len(columns["loss"]):
        raise DataError(f"{fit.name}: {field}: expected columns of one length, a row or more")
    for name in ("params", "samples", "loss"):
        if not (np.asarray(columns[name], float) > 0).all():
            raise DataError(f"{fit.name}: {field}.{name}: expected numbers above 0")
    name = next(iter(fit.fids), "")
    if name and not fit.form.surface:
        columns["dataset"] = [name] * len(columns["loss"])
    return Table(columns, fit.name)


def _column(fit: Fit, field: str, name: str, values: list) -> np.ndarray | list[str]:
    """A column of the runs behind a fit; DataError where it holds what it cannot."""
    if name in TEXT:
        good = all(isinstance(value, str) for value in values)
    else:
        good = all(value is None or type(value) in (int, float) for value in values)
    if not good:
        wanted = "text" if name in TEXT else "numbers or null"
        raise DataError(f"{fit.name}: {field}.{name}: expected {wanted}")
    return values if name in TEXT else np.array(values, dtype=float)


def number_in(fit: Fit, *path: str) -> float | None:
    """A number of the fit document that advfit wrote and a person may not have."""
    found: Any = fit.document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if type(found) in (int, float) else None


def runs_for(fit: Fit, runs: Table | None) -> Table:
    """The table that the user named, else the runs behind the fit; DataError where there is
    neither.
    """
    table = own_runs(fit) if runs is None else runs
    if table is None:
        raise DataError(
            f"{fit.name}: a fit without the runs behind it (no field data); expected one that "
            "advfit wrote, or a table of runs"
        )
    return table


def flops_of(fit: Fit, table: Table) -> np.ndarray:
    """Training FLOPs of the rows, (n,): as counted, or k N D."""
    law = fit.k * table["params"] * table["samples"]
    return np.where(np.isnan(table["flops"]), law, table["flops"]) if "flops" in table else law


def names_in(table: Table, column: str) -> np.ndarray:
    """A column of names, (n,): data sets or models; a FID or a size where they have none."""
    other = {"dataset": "fid", "model": "params"}.get(column, "")
    if column in table:
        return np.array(table[column], dtype=object)
    if other in table:
        unit = "FID {:g}" if other == "fid" else "{:.4g} parameters"
        return np.array([unit.format(value) for value in table[other].tolist()], dtype=object)
    return np.array(["runs"] * len(table), dtype=object)


def ordered(table: Table, column: str) -> list[str]:
    """The different `names_in` that column: models by size, data sets by FID."""
    names = names_in(table, column)
    key = {"model": "params", "dataset": "fid"}[column]
    values = table[key] if key in table else np.zeros(len(table))
    values = np.where(np.isnan(values), np.inf, values)
    first = {name: values[names == name].min() for name in dict.fromkeys(names.tolist())}
    return sorted(first, key=lambda name: (first[name], name))


def of_dataset(table: Table, name: str, fid: float) -> np.ndarray:
    """Which rows have that data set, or where tables name none that FID, (n,) bool."""
    if "dataset" in table and name in table["dataset"]:
        return np.array(table["dataset"], dtype=object) == name
    if "fid" in table:
        return np.isclose(table["fid"], fid, rtol=1e-9, atol=0)
    return np.zeros(len(table), bool)


def one(fits: Sequence[Fit], kind: str) -> Fit:
    """The only fit; DataError where there are several."""
    if len(fits) != 1:
        raise DataError(f"{kind} shows one fit; found {len(fits)}")
    return fits[0]


def of_approach(fits: Sequence[Fit], kind: str, *approaches: int) -> None:
    """DataError for a fit of another approach than the figure is about."""
    for fit in fits:
        if fit.approach not in approaches:
            wanted = " or ".join(map(str, approaches))
            raise DataError(f"{fit.name}: approach {fit.approach}; {kind} needs approach {wanted}")


def fit_names(fits: Sequence[Fit]) -> list[str]:
    """A name for each fit, as long as it takes to tell them apart."""
    short = [f"approach {fit.approach}" for fit in fits]
    variants = [
        f"{s}, {fit.document.get('variant') or fit.name}"
        for s, fit in zip(short, fits, strict=True)
    ]
    names = [v if short.count(s) > 1 else s for s, v in zip(short, variants, strict=True)]
    return [
        plain_label(f"{name}, {fit.name}" if names.count(name) > 1 else name)
        for name, fit in zip(names, fits, strict=True)
    ]


def quality_name(name: str, fid: float) -> str:
    """`dg20 (FID 1.65)`, `FID 5`, or `perfect data (FID 0)`."""
    if fid != fid:
        return plain_label(name)
    if not name:
        return "perfect data (FID 0)" if fid == 0 else f"FID {fid:g}"
    return f"{plain_label(name)} (FID {fid:g})"
