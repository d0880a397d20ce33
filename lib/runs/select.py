"""Which rows of a runs table a law is fitted to (paper Sec. 3.2 and App. F)."""

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.numbers import parse_number
from advlib.runs.table import Table, codes

OPERATORS = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "==": operator.eq,
    "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip
EXPRESSION = re.compile(r"\s*([A-Za-z_][\w .-]*?)\s*(<=|>=|!=|==|<|>|=)\s*(.*?)\s*")

# Underfitting runs (App. F): all three must hold; planned sizes, since a 10M run sees 10.0352M.
UNDERFIT = ("params<1e8", "planned_samples>1e7", "fid<10")
MIN_FRACTION = 0.5  # of the planned training; earlier checkpoints are left out (Sec. 3.2)


@dataclass(frozen=True)
class Comparison:
    """`column operator value`, the only kind of condition that options take."""

    column: str
    symbol: str
    value: str

    def mask(self, table: Table) -> np.ndarray:
        """Which rows hold, shape (n,) bool; an empty cell never does.

        Raises DataError for an unknown column, or an order comparison of text.
        """
        if self.column not in table:
            have = ", ".join(table.columns)
            raise DataError(f"{self}: no column {self.column!r} among {have}")
        column, compare = table[self.column], OPERATORS[self.symbol]
        number = _as_number(self.value)
        if isinstance(column, np.ndarray):
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


def where(table: Table, comparisons: Sequence[Comparison]) -> np.ndarray:
    """Which rows satisfy all `comparisons`, shape (n,) bool."""
    keep = np.ones(len(table), bool)
    for comparison in comparisons:
        keep &= comparison.mask(table)
    return keep


def finished_enough(table: Table, fraction: float = MIN_FRACTION) -> np.ndarray:
    """Checkpoints after at least `fraction` of the planned samples; all where no plan is known."""
    if "planned_samples" not in table:
        return np.ones(len(table), bool)
    planned = table["planned_samples"]
    return ~(table["samples"] < fraction * planned)


def underfit(table: Table) -> np.ndarray:
    """Runs that the study drops: N < 100M, planned D > 10M and FID < 10, all three."""
    comparisons = [parse_comparison(text) for text in UNDERFIT]
    if any(c.column not in table for c in comparisons):
        return np.zeros(len(table), bool)
    return where(table, comparisons)


def best_checkpoints(table: Table) -> np.ndarray:
    """The row of least loss of each run, in table order; shape (runs,)."""
    run, loss = codes(table["run"]), table["loss"]
    order = np.lexsort((table["samples"], loss, run))
    first = np.r_[True, np.diff(run[order]) != 0]
    return np.sort(order[first])


def _as_number(text: str, otherwise=None):
    try:
        return parse_number(text)
    except (ValueError, ZeroDivisionError):
        return otherwise
