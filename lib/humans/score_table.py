"""Scores as advscore prints them, read again for figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from advlib.csv_cells import read_lines, require_width
from advlib.errors import DataError
from advlib.humans.judgements import HUMAN
from advlib.numbers import parse_number

EXPECTED = "scores as CSV, as advscore prints them"
SHARES = ("accuracy", "accuracy_low", "accuracy_high")
ACCURACY = ("judge", "kind", "condition", "confidence", *SHARES)  # columns of usual scores
BENCHMARK = ("judge", "kind", "benchmark", *SHARES)  # of those of --benchmark

PEOPLE = "people"  # the mean over them
LEVELS = {"original": "average human", "revised": "average human, valid images"}


@dataclass(frozen=True)
class Score:
    """A row.  text: cells by column.  accuracy, low, high: shares, None where a cell is empty."""

    text: dict[str, str]
    accuracy: float | None
    low: float | None
    high: float | None


def read_scores(file: BinaryIO, name: str, columns: Sequence[str]) -> list[Score]:
    """The rows of a table that has these columns.

    Raises DataError naming file, line and column for whatever is wrong.
    """
    lines = read_lines(file, name, EXPECTED)
    head = lines[0][1]
    for column in columns:
        if head.count(column) != 1:
            have = ", ".join(head[:12])
            raise DataError(
                f"{name}:1: no column {column!r} among {have:.300}; expected {EXPECTED}"
            )
    require_width(lines[1:], len(head), name)
    if len(lines) == 1:
        raise DataError(f"{name}: a header but no scores")
    found = []
    for line, cells in lines[1:]:
        row = dict(zip(head, cells, strict=True))
        shares = (_share(row[column], f"{name}:{line}: column {column!r}") for column in SHARES)
        found.append(Score(row, *shares))
    return found


def human_levels(file: BinaryIO, name: str) -> dict[str, float]:
    """Accuracies of people on the whole test set, by words for them: of the original benchmark
    and, where it is scored, of the revised one.

    They are the mean over people, or that of the only person.
    Raises DataError where no person is scored.
    """
    people = [s for s in read_scores(file, name, BENCHMARK) if s.text["kind"] == HUMAN]
    levels = {}
    for benchmark, words in LEVELS.items():
        own = {s.text["judge"]: s.accuracy for s in people if s.text["benchmark"] == benchmark}
        level = own.get(PEOPLE, next(iter(own.values())) if len(own) == 1 else None)
        if level is not None:
            levels[words] = level
    if not levels:
        raise DataError(f"{name}: no people on the original benchmark; see advscore --benchmark")
    return levels


def _share(text: str, place: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = parse_number(text)
    except (ValueError, ZeroDivisionError):
        value = -1.0
    if not 0 <= value <= 1:
        raise DataError(f"{place}: found {text!r:.40}; expected a number from 0 to 1")
    return value
