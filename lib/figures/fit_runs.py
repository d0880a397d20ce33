"""The runs that figures show beside a law: those behind a fit or of a table, and their names."""

import numpy as np

from advlib.errors import DataError
from advlib.laws.fit import Fit
from advlib.runs.table import Table

TEXT = ("run", "model", "dataset", "role")


def runs_of_fit(fit: Fit) -> Table | None:
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


def shown_runs(fit: Fit, runs: Table | None) -> Table:
    """The table that the user named, else the runs behind the fit; DataError where there is
    neither.
    """
    table = runs_of_fit(fit) if runs is None else runs
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


def names_of_runs(table: Table, column: str) -> np.ndarray:
    """A column of names, (n,): data sets or models; a FID or a size where they have none."""
    other = {"dataset": "fid", "model": "params"}.get(column, "")
    if column in table:
        return np.array(table[column], dtype=object)
    if other in table:
        unit = "FID {:g}" if other == "fid" else "{:.4g} parameters"
        return np.array([unit.format(value) for value in table[other].tolist()], dtype=object)
    return np.array(["runs"] * len(table), dtype=object)


def ordered_names(table: Table, column: str) -> list[str]:
    """The different `names_of_runs` that column: models by size, data sets by FID."""
    names = names_of_runs(table, column)
    key = {"model": "params", "dataset": "fid"}[column]
    values = table[key] if key in table else np.zeros(len(table))
    values = np.where(np.isnan(values), np.inf, values)
    first = {name: values[names == name].min() for name in dict.fromkeys(names.tolist())}
    return sorted(first, key=lambda name: (first[name], name))


def rows_of_dataset(table: Table, name: str, fid: float) -> np.ndarray:
    """Which rows have that data set, or where tables name none that FID, (n,) bool."""
    if "dataset" in table and name in table["dataset"]:
        return np.array(table["dataset"], dtype=object) == name
    if "fid" in table:
        return np.isclose(table["fid"], fid, rtol=1e-9, atol=0)
    return np.zeros(len(table), bool)
