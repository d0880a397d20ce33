"""Runs tables in memory: read from CSV in one pass, checked cell by cell, kept column by column.

A table of ten million rows takes about 8 bytes a number; text is interned, so repeated names cost a
pointer each.  Nothing is returned unless every cell is right.
"""

import codecs
import csv
import gc
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.runs.columns import COLUMNS, EXTRA, TEXT, Column, layout_of

BLOCK = 50_000  # rows parsed together
LONGEST_LINE = 1 << 20  # bytes; a longer line means that the file is not a table


@dataclass
class Table:
    """Columns by name, all of one length: float64 arrays (NaN where a cell is empty) for numbers,
    lists of str for text.  `source` is for messages; `origin` says where the rows came from.
    """

    columns: dict[str, np.ndarray | list[str]]
    source: str = ""
    origin: list[tuple[str, int, int]] = field(default_factory=list)  # (file, first line, rows)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> np.ndarray | list[str]:
        return self.columns[name]

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


def read_tables(
    files: Iterable[tuple[str, BinaryIO]], renames: dict[str, str], required: Sequence[str]
) -> Table:
    """Read and join the tables in `files`, pairs of a name for messages and a binary stream.

    `renames` maps our column names to the files' own.  `required` names columns that must be there.
    Raises DataError naming file, line and column for whatever is wrong, duplicates included.
    """
    collecting = gc.isenabled()
    gc.disable()  # parsing makes millions of lists and no cycles: looking for some takes a third
    try:
        tables = [_read(name, stream, renames, required) for name, stream in files]
    finally:
        if collecting:
            gc.enable()
    return join_tables(tables)


def join_tables(tables: Sequence[Table]) -> Table:
    """One table below the other; a column that one lacks is empty there.

    Raises DataError where a checkpoint, a run at a number of samples, comes twice.
    """
    table = tables[0] if len(tables) == 1 else _join(tables)
    _refuse_duplicates(table)
    return table


def _read(name, stream, renames, required) -> Table:
    lines = _lines(name, stream)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
    except csv.Error as err:
        raise DataError(f"{name}:1: not CSV: {err}") from None
    if not header or not any(cell.strip() for cell in header):
        raise DataError(f"{name}: empty; expected a table with a header line")
    header = [cell.strip() for cell in header]
    if header[0].startswith(("{", "[")):
        raise DataError(f"{name}:1: looks like JSON; expected a CSV table with a header line")
    for cell in header:
        if header.count(cell) > 1:
            raise DataError(f"{name}:1: column {cell!r} appears {header.count(cell)} times")
    for ours, theirs in renames.items():
        if theirs not in header:
            raise DataError(f"{name}:1: no column {theirs!r} to read as {ours!r}{_have(header)}")
    layout = layout_of(header, renames)
    names = [layout.names.get(cell, cell) for cell in header]
    for column in names:
        if names.count(column) > 1:
            raise DataError(f"{name}:1: two columns would be {column!r}; rename one with --columns")
    for column in required:
        if column not in names:
            raise DataError(
                f"{name}:1: no column {column!r}{_have(header)}; name it with --columns"
            )
    parts: dict[str, list] = {column: [] for column in names}
    first, rows = reader.line_num + 1, 0
    for line, block in _blocks(name, reader, len(header)):
        for column, theirs, cells in zip(names, header, zip(*block, strict=True), strict=True):
            known = COLUMNS.get(column) or EXTRA.get(column)
            scale = layout.scale.get(column, 1.0)
            parts[column].append(_parse(name, line, block, theirs, known, cells, scale))
        rows += len(block)
    if not rows:
        raise DataError(f"{name}: a header but no rows")
    columns = {column: _concatenate(blocks) for column, blocks in parts.items()}
    if layout.derive:
        layout.derive(columns)
    return Table(columns, name, [(name, first, rows)])


def _lines(name: str, stream: BinaryIO) -> Iterator[str]:
    """Decoded lines; refuses what is not text before much of it is read."""
    number, rest = 1, b""
    while chunk := stream.read(LONGEST_LINE):
        chunk = rest + chunk
        if number == 1 and chunk.startswith(codecs.BOM_UTF8):
            chunk = chunk[len(codecs.BOM_UTF8) :]
        end = chunk.rfind(b"\n") + 1
        lines, rest = chunk[:end], chunk[end:]
        _refuse_binary(name, number, chunk)
        if len(rest) >= LONGEST_LINE:
            number += lines.count(b"\n")
            raise DataError(f"{name}:{number}: a line of over 1 MiB; expected a CSV text file")
        yield from io.StringIO(_decode(name, number, lines), newline="")
        number += lines.count(b"\n")
    if rest:
        yield _decode(name, number, rest)


def _refuse_binary(name, number, chunk):
    if (at := chunk.find(b"\0")) >= 0:
        number += chunk.count(b"\n", 0, at)
        raise DataError(f"{name}:{number}: a zero byte; expected a CSV text file")


def _decode(name, number, data) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        number += data.count(b"\n", 0, err.start)
        raise DataError(f"{name}:{number}: not UTF-8; expected a CSV text file") from None


def _blocks(name, reader, width) -> Iterator[tuple[int, list[list[str]]]]:
    """Blocks of rows with the line number of the first; empty lines are skipped."""
    csv.field_size_limit(LONGEST_LINE)
    while True:
        line = reader.line_num + 1
        try:
            block = list(itertools.islice(reader, BLOCK))
        except csv.Error as err:
            raise DataError(f"{name}:{reader.line_num}: not CSV: {err}") from None
        if not block:
            return
        if set(map(len, block)) != {width}:
            for row in block:
                if row and len(row) != width:
                    at = _line_of(line, block, row)
                    raise DataError(f"{name}:{at}: {len(row)} cells; expected {width} as in line 1")
            block = [row for row in block if row]
        if block:
            yield line, block


def _line_of(line, block, row) -> int:
    """The line of `row`, given that `block` starts at `line`; quoted line breaks count."""
    for other in block:
        if other is row:
            return line
        line += 1 + sum(cell.count("\n") for cell in other)
    return line


def _parse(name, line, block, header, known: Column | None, cells, scale):
    if known is None or known.kind == TEXT:
        if known and not known.may_be_empty and "" in cells:
            at = _line_of(line, block, block[cells.index("")])
            raise DataError(f"{name}:{at}: column {header!r}: empty; expected a name")
        return list(map(sys.intern, cells))
    try:
        values = np.fromiter(map(float, cells), float, len(cells))
        empty = None
    except ValueError:
        empty = np.array([not cell.strip() for cell in cells])
        values = np.array([_number(cell) for cell in cells])
    with np.errstate(invalid="ignore"):
        low = values > known.low if known.open_low else values >= known.low
        good = low & (values * scale <= known.high) & np.isfinite(values)
    if empty is not None and known.may_be_empty:
        good |= empty
    if not good.all():
        bad = int(np.argmin(good))
        at, found = _line_of(line, block, block[bad]), cells[bad].strip()
        found = repr(found[:40]) if found else "an empty cell"
        wanted = known.expected if scale == 1.0 else f"{known.expected} after scaling by {scale:g}"
        raise DataError(f"{name}:{at}: column {header!r}: found {found}; expected {wanted}")
    return values * scale


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _concatenate(blocks):
    if isinstance(blocks[0], list):
        return list(itertools.chain.from_iterable(blocks))
    return np.concatenate(blocks)


def _join(tables: Sequence[Table]) -> Table:
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    columns = {}
    for name in names:
        text = any(isinstance(t[name], list) for t in tables if name in t)
        blank = [""] if text else np.full(1, np.nan)
        columns[name] = _concatenate(
            [t[name] if name in t else _repeat(blank, len(t)) for t in tables]
        )
    origin = [part for table in tables for part in table.origin]
    return Table(columns, tables[0].source, origin)


def _repeat(blank, count):
    return blank * count if isinstance(blank, list) else np.repeat(blank, count)


def codes(names: Sequence[str]) -> np.ndarray:
    """A small integer for each distinct text, in order of first appearance; shape (n,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _refuse_duplicates(table: Table) -> None:
    """A checkpoint, that is a run at a number of samples, may appear once."""
    if "run" not in table or "samples" not in table:
        return
    run, samples = codes(table["run"]), table["samples"]
    order = np.lexsort((samples, run))
    same = (np.diff(run[order]) == 0) & ~(np.diff(samples[order]) > 0)
    if same.any():
        first, second = sorted(order[np.argmax(same) : np.argmax(same) + 2])
        raise DataError(
            f"{table.place(second)}: run {table['run'][second]!r} at {samples[second]:.15g} "
            f"samples is already in {table.place(first)}; expected each checkpoint once"
        )


def _have(header: list[str]) -> str:
    shown = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
    hint = " (cells are separated by commas)" if len(header) == 1 else ""
    return f" among {shown}{hint}"


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


def plain_values(column) -> list:
    """A column as Python values: whole numbers as int, an empty number as None."""
    if isinstance(column, list):
        return column
    return [None if v != v else int(v) if v.is_integer() else v for v in column.tolist()]


def _canonical(table) -> list[str]:
    return [n for n in COLUMNS if n in table] + [n for n in table.columns if n not in COLUMNS]


def _texts(column) -> list[str]:
    if isinstance(column, list):
        return column
    whole = (column == np.floor(column)) & (np.abs(column) < 1e15)
    if whole.all():
        return list(map(str, column.astype(np.int64).tolist()))
    return [
        "" if value != value else str(int(value)) if integral else repr(value)
        for value, integral in zip(column.tolist(), whole.tolist(), strict=True)
    ]
