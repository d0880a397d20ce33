"""Keys that choose images: a list of them, or a CSV table that is joined with the images."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from advlib.conditions import Comparison
from advlib.csv_cells import read_lines, require_width
from advlib.errors import DataError

COLUMNS = ("key", "image")  # names of the column that holds the keys of images
SHOWN = 12  # columns of a table that a message names


@dataclass
class KeyTable:
    """Keys, in a list or a table: `rows` by `unpadded` key, `columns` the names of the others."""

    name: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    met: set[str] = field(default_factory=set)  # keys that an image had

    @property
    def unmet(self) -> list[str]:
        """Keys of which no image was met, once all have been read."""
        return [key for key in self.rows if key not in self.met]

    def remark(self, set_name: str) -> str:
        """How many keys the set lacks, in words; "" where it has all."""
        missing = self.unmet
        if not missing:
            return ""
        return (
            f"{self.name}: {len(missing)} of {len(self.rows)} keys are not in {set_name}; the first"
            f" is {missing[0]!r}"
        )


def unpadded(key: str) -> str:
    """A key, without its leading zeros if it is a number: tables lose them on the way."""
    return key.lstrip("0") or "0" if key.isascii() and key.isdecimal() else key


def read_keys(file: BinaryIO, name: str, conditions: Sequence[Comparison] = ()) -> KeyTable:
    """A list of keys, one a line, or a CSV table with a column `key` or `image`; `name` names it.

    conditions: on the other columns; rows that do not satisfy all are left out.
    Raises DataError for what is neither, and for a key that comes twice, with other values, among
    the rows that stay.
    """
    head, at, rows = _read_cells(file, name)
    columns = {column: [cells[i] for _, cells in rows] for i, column in enumerate(head)}
    keep = np.ones(len(rows), bool)
    for condition in conditions:
        keep &= _row_mask(condition, columns)
    table = KeyTable(name, tuple(h for i, h in enumerate(head) if i != at), {})
    for number, cells in itertools.compress(rows, keep):
        key, values = unpadded(cells[at].strip()), (*cells[:at], *cells[at + 1 :])
        if table.rows.setdefault(key, values) != values:
            raise DataError(f"{name}:{number}: key {key!r} comes again with other values")
    return table


def _read_cells(file: BinaryIO, name: str) -> tuple[list[str], int, list[tuple[int, list[str]]]]:
    """The columns' names, the place of the keys among them, and rows: line number and cells."""
    lines = read_lines(file, name, "keys, one a line, or a CSV with a column key")
    head = lines[0][1]
    at = next((head.index(k) for k in COLUMNS if k in head), None)
    if at is None and len(head) > 1:
        have = ", ".join(head[:SHOWN]) + (", ..." if len(head) > SHOWN else "")
        raise DataError(f"{name}: no column key or image among {have:.300}")
    rows = lines if at is None else lines[1:]
    head, at = (["key"], 0) if at is None else (head, at)
    require_width(rows, len(head), name)
    return head, at, rows


def _row_mask(condition: Comparison, columns: Mapping[str, list[str]]) -> np.ndarray:
    """Which rows of a table satisfy a condition; where all cells of a column are numbers or truth
    values, they are compared as such.
    """
    cells = columns.get(condition.column, [])
    spelled = {cell.lower() for cell in cells} - {""}
    if spelled and spelled <= {"true", "false"}:
        lowered = {condition.column: [cell.lower() for cell in cells]}
        return with_truth_value(condition).mask(lowered)
    numbers = {
        name: _numbers(columns.get(name, [])) for name in (condition.column, condition.value)
    }
    if numbers[condition.column] is None:
        return condition.mask(columns)
    return condition.mask({k: v for k, v in numbers.items() if v is not None})


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    """Cells as numbers, NaN where one is empty; None where any is no number or all are empty."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells]) if any(cells) else None
    except ValueError:
        return None


def with_truth_value(condition: Comparison) -> Comparison:
    """A condition on a truth value with it written as true or false."""
    value = {"1": "true", "0": "false"}.get(condition.value, condition.value.lower())
    return replace(condition, value=value)
