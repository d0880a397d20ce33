"""Writing runs tables: as CSV text, and as rows."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from advlib.runs.columns import COLUMNS
from advlib.runs.table import Column, Table, plain_values

BLOCK = 50_000  # rows written together
WHOLE = 1e15  # below which a whole number is written as an integer


def csv_blocks(table: Table) -> Iterator[str]:
    """The table as CSV text, a block of rows at a time.

    Known columns come in their canonical order, then the rest as they came.  Numbers read back to
    the same float64; counts are written as integers, an empty cell stays empty.
    """
    names = _canonical(table)
    for first in range(0, max(len(table), 1), BLOCK):
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        if first == 0:
            writer.writerow(names)
        cells = [_texts(table[name][first : first + BLOCK]) for name in names]
        writer.writerows(zip(*cells, strict=True))
        yield out.getvalue()


def rows_of(table: Table) -> Iterator[dict]:
    """The rows as dictionaries, columns as in `csv_blocks`; None for an empty number."""
    names = _canonical(table)
    columns = [plain_values(table[name]) for name in names]
    for row in zip(*columns, strict=True):
        yield dict(zip(names, row, strict=True))


def _canonical(table: Table) -> list[str]:
    return [n for n in COLUMNS if n in table] + [n for n in table.columns if n not in COLUMNS]


def _texts(column: Column) -> list[str]:
    if isinstance(column, list):
        return column
    whole = (column == np.floor(column)) & (np.abs(column) < WHOLE)
    if whole.all():
        return list(map(str, column.astype(np.int64).tolist()))
    return [
        "" if value != value else str(int(value)) if integral else repr(value)
        for value, integral in zip(column.tolist(), whole.tolist(), strict=True)
    ]
