"""Runs tables in memory, kept column by column, and joined one below the other.

A table of ten million rows takes about 8 bytes a number; text is interned where it is read, so
repeated names cost a pointer each.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from advlib.conditions import Comparison, parse_comparison, satisfied
from advlib.errors import DataError

Column = np.ndarray | list[str]


@dataclass
class Table:
    """Columns by name, all of one length: float64 arrays (NaN where a cell is empty) for numbers,
    lists of str for text.  `source` is for messages; `origin` says where the rows came from.
    """

    columns: dict[str, Column]
    source: str = ""
    origin: list[tuple[str, int, int]] = field(default_factory=list)  # (file, first line, rows)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def names(self, column: str) -> np.ndarray:
        """A column of text as an array (n,); of empty text where the table lacks it."""
        return np.array(self[column] if column in self else [""] * len(self))

    def where(self, comparisons: Sequence[Comparison]) -> np.ndarray:
        """Which rows satisfy all `comparisons`, shape (n,) bool."""
        return satisfied(comparisons, self.columns, len(self))

    def only(self, conditions: Sequence[str]) -> "Table":
        """The rows that satisfy all conditions, as "params<1e8"; DataError where none does."""
        if not conditions:
            return self
        keep = self.where([parse_comparison(text) for text in conditions])
        if not keep.any():
            raise DataError(f"no row of {len(self)} satisfies {' and '.join(conditions)}")
        return self.take(np.flatnonzero(keep))

    def take(self, rows: np.ndarray) -> "Table":
        """The rows with these numbers, in this order."""
        picked = {
            name: column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]
            for name, column in self.columns.items()
        }
        return Table(picked, self.source)

    def place(self, row: int) -> str:
        """`file:line` of a row of a table as read."""
        for name, first, count in self.origin:
            if row < count:
                return f"{name}:{first + row}"
            row -= count
        return self.source


def join_tables(tables: Sequence[Table]) -> Table:
    """One table below the other; a column that one lacks is empty there.

    Raises DataError where a checkpoint, a run at a number of samples, comes twice.
    """
    table = tables[0] if len(tables) == 1 else _join(tables)
    _refuse_duplicates(table)
    return table


def _join(tables: Sequence[Table]) -> Table:
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    columns = {}
    for name in names:
        text = any(isinstance(t[name], list) for t in tables if name in t)
        blank = [""] if text else np.full(1, np.nan)
        columns[name] = concatenate(
            [t[name] if name in t else _repeat(blank, len(t)) for t in tables]
        )
    origin = [part for table in tables for part in table.origin]
    return Table(columns, tables[0].source, origin)


def _repeat(blank: Any, count: int) -> Any:
    return blank * count if isinstance(blank, list) else np.repeat(blank, count)


def concatenate(blocks: Sequence[Any]) -> Any:
    """One column from blocks of it, arrays or lists."""
    if isinstance(blocks[0], list):
        return list(itertools.chain.from_iterable(blocks))
    return np.concatenate(blocks)


def numbered(names: Sequence[str]) -> np.ndarray:
    """A small integer for each distinct text, in order of first appearance; shape (n,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _refuse_duplicates(table: Table) -> None:
    """A checkpoint, that is a run at a number of samples, may appear once."""
    if "run" not in table or "samples" not in table:
        return
    run, samples = numbered(table["run"]), table["samples"]
    order = np.lexsort((samples, run))
    same = (np.diff(run[order]) == 0) & ~(np.diff(samples[order]) > 0)
    if same.any():
        first, second = sorted(order[np.argmax(same) : np.argmax(same) + 2])
        raise DataError(
            f"{table.place(second)}: run {table['run'][second]!r} at {samples[second]:.15g} "
            f"samples is already in {table.place(first)}; expected each checkpoint once"
        )


def plain_values(column: Column) -> list:
    """A column as Python values: whole numbers as int, an empty number as None."""
    if isinstance(column, list):
        return column
    return [None if v != v else int(v) if v.is_integer() else v for v in column.tolist()]
