"""CSV as text that is held in memory: a head, and rows with the line that each begins in."""

import csv
import io
from typing import BinaryIO

from advlib.errors import DataError

TRUTHS = ("true", "false")  # as our tables write truth values
Rows = list[tuple[int, list[str]]]


def read_lines(file: BinaryIO, name: str, expected: str) -> Rows:
    """The rows of a CSV file, the head among them, empty ones left out; cells as they are.

    name: of the file, expected: what it should be, both for messages.
    Raises DataError for what is no UTF-8, no CSV, or empty.
    """
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name}: not UTF-8 text; expected {expected}") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, line = [], 1
    try:
        for cells in reader:
            if cells:
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as err:
        raise DataError(f"{name}:{line}: {err}; expected {expected}") from None
    if not rows:
        raise DataError(f"{name}: empty; expected {expected}")
    return rows


def require_width(rows: Rows, width: int, name: str) -> None:
    """DataError for the first row with another number of cells."""
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(f"{name}:{line}: {len(cells)} cells; expected {width}")
