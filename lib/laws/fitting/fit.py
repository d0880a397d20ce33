"""Fit a table of runs, from wherever it comes: what advfit and advlib.fit do."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.settings import Settings, check_settings
from advlib.laws.forms import APPROACHES
from advlib.laws.library import Fit, read_fit
from advlib.runs.columns import REQUIRED, TEXT, column_of
from advlib.runs.reading import read_tables
from advlib.runs.table import Table


def fit(table: Any, approach: int = 3, **settings: Any) -> Fit:
    """The scaling law that a table of runs carries, ready to ask.

    table: a pandas DataFrame, a mapping of columns, or the path of a CSV file, with the columns of
    advruns(5).  settings: those of advfit(1) by their long names, as bootstrap=0, and
    variant="joint" for --joint.

        law = advlib.fit("runs.csv", approach=3, bootstrap=200)
        law.optimum(1e22)["params"]

    Raises DataError for a table that cannot carry the law, and for a setting that does nothing.
    """
    if approach not in APPROACHES:
        raise DataError(f"approach {approach!r}; expected one of {', '.join(map(str, APPROACHES))}")
    unknown = set(settings) - set(Settings.__dataclass_fields__)
    if unknown:
        wanted = ", ".join(Settings.__dataclass_fields__)
        raise DataError(f"no setting {sorted(unknown)[0]!r}; expected one of {wanted}")
    chosen = Settings(**settings)
    check_settings(chosen, (approach,))
    made = documents(table_of(table), approach, chosen)
    if len(made) != 1:
        names = ", ".join(document["datasets"][0]["dataset"] for document in made)
        raise DataError(f"one law a data set: choose one of {names} by datasets=(NAME,)")
    return read_fit(made[0])


def table_of(source: Any) -> Table:
    """A runs table from a DataFrame, a mapping of columns, a path or a Table, checked."""
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        with open(path, "rb") as file:
            return read_tables([(path, file)], {}, REQUIRED)
    columns: dict[str, Any] = {}
    for name in source if isinstance(source, Mapping) else list(source.columns):
        known = column_of(name)
        if known and known.kind != TEXT:
            columns[name] = np.asarray(source[name], dtype=float)
            _check_range(name, known, columns[name])
        elif known:
            columns[name] = [str(value) for value in source[name]]
        else:
            values = np.asarray(source[name])
            number = np.issubdtype(values.dtype, np.number)
            columns[name] = values.astype(float) if number else list(map(str, values.tolist()))
    for name in REQUIRED:
        if name not in columns:
            raise DataError(f"table: no column {name!r} among {', '.join(columns)}")
    if len({len(column) for column in columns.values()}) != 1:
        raise DataError("table: columns of different lengths")
    return Table(columns, "table")


def _check_range(name: str, known: Any, values: np.ndarray) -> None:
    """DataError for a number that the column cannot hold; an empty cell is NaN."""
    low = values > known.low if known.open_low else values >= known.low
    good = (low & (values <= known.high) & np.isfinite(values)) | np.isnan(values)
    if not known.may_be_empty:
        good &= ~np.isnan(values)
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(
            f"table: row {row}, column {name!r}: found {values[row]:g}; expected {known.expected}"
        )
