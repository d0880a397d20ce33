"""Conditions on the columns of a table, as options take them: `params<1e8`, `valid=false`."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.numbers import parse_number

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
EXPRESSION = re.compile(r"\s*([A-Za-z_][\w .-]*?)\s*(<=|>=|!=|==|<|>|=)\s*(.*?)\s*")


@dataclass(frozen=True)
class Comparison:
    """`column operator value`; the value may name another column, where both hold numbers."""

    column: str
    symbol: str
    value: str

    def mask(self, columns: Mapping[str, Any]) -> np.ndarray:
        """Which rows hold, shape (n,) bool; an empty cell of a number never does.

        columns: numbers as arrays (n,), NaN where a cell is empty; texts as lists.

        Raises DataError for an unknown column, or an order comparison of text.
        """
        if self.column not in columns:
            have = ", ".join(columns)
            raise DataError(f"{self}: no column {self.column!r} among {have}")
        column, compare = columns[self.column], OPERATORS[self.symbol]
        number = _as_number(self.value)
        if isinstance(column, np.ndarray):
            other = columns.get(self.value)
            if number is None and isinstance(other, np.ndarray):
                return compare(column, other) & ~np.isnan(column) & ~np.isnan(other)
            if number is None:
                raise DataError(
                    f"{self}: column {self.column!r} holds numbers; found {self.value!r}"
                )
            return compare(column, number) & ~np.isnan(column)
        if self.symbol in ("=", "==", "!="):
            return np.array([compare(cell, self.value) for cell in column], dtype=bool)
        if number is None:
            raise DataError(f"{self}: text is compared with = and != only")
        numbers = np.array([_as_number(cell, math.nan) for cell in column])
        if np.isnan(numbers).all():
            raise DataError(f"{self}: column {self.column!r} holds text; compare it with = or !=")
        return compare(numbers, number) & ~np.isnan(numbers)

    def __str__(self) -> str:
        return f"{self.column}{self.symbol}{self.value}"


def parse_comparison(text: str) -> Comparison:
    """Read `params<1e8` or `dataset=dg20`; DataError says what is expected."""
    found = EXPRESSION.fullmatch(text)
    if not found or not found[3]:
        raise DataError(f"{text!r}: expected COLUMN<VALUE, with one of < <= > >= = !=")
    return Comparison(*found.groups())


def satisfied(
    comparisons: Sequence[Comparison], columns: Mapping[str, Any], count: int
) -> np.ndarray:
    """Which of `count` rows satisfy all `comparisons`, shape (count,) bool."""
    keep = np.ones(count, bool)
    for comparison in comparisons:
        keep &= comparison.mask(columns)
    return keep


def _as_number(text: str, otherwise: float | None = None) -> float | None:
    try:
        return parse_number(text)
    except (ValueError, ZeroDivisionError):
        return otherwise
