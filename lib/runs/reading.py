"""Reading runs tables: CSV in one pass, checked cell by cell.

Nothing is returned unless every cell is right.
"""

import codecs
import csv
import gc
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.file_kinds import HEAD, file_kind
from advlib.numbers import FAR, NEAR
from advlib.runs.columns import EXTRA, REQUIRED, TEXT, Column, column_of, layout_of
from advlib.runs.logs import is_log, table_of_log
from advlib.runs.table import Table, concatenate, join_tables

BLOCK = 50_000  # rows parsed together
LONGEST_LINE = 1 << 20  # bytes; a longer line means that the file is not a table
SHOWN = 12  # columns of a header that a message names


def read_runs(files: Iterable[tuple[str, BinaryIO]], renames: dict[str, str]) -> Table:
    """Read and join runs tables and training logs, advlog(5), of which every evaluation is a row.

    Arguments and errors as in `read_tables`; a log's columns cannot be renamed.
    """
    parts, logs = [], 0
    for name, stream in files:
        if is_log(stream):
            parts.append(table_of_log(stream, name))
            logs += 1
        else:
            parts.append(read_tables([(name, stream)], renames, REQUIRED))
    if renames and logs == len(parts):
        raise DataError("--columns: names columns of tables; found only training logs")
    return join_tables(parts)


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
            known = column_of(column) or EXTRA.get(column)
            scale = layout.scale.get(column, 1.0)
            parts[column].append(_parse(name, line, block, theirs, known, cells, scale))
        rows += len(block)
    if not rows:
        raise DataError(f"{name}: a header but no rows")
    columns = {column: concatenate(blocks) for column, blocks in parts.items()}
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
        if number == 1 and (kind := file_kind(chunk[:HEAD])):
            raise DataError(f"{name}: {kind}; expected a CSV text file")
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
    text = "".join(cells)
    try:
        if not text.isascii() or "_" in text:  # which float() reads, and people do not write
            raise ValueError
        values = np.fromiter(map(float, cells), float, len(cells))
        empty = None
    except ValueError:
        empty = np.array([not cell.strip() for cell in cells])
        values = np.array([_number(cell) for cell in cells])
    with np.errstate(invalid="ignore"):
        low = values > known.low if known.open_low else values >= known.low
        size = np.abs(values)
        usual = (size == 0) | ((size >= NEAR) & (size <= FAR))
        good = low & (values * scale <= known.high) & usual
    if empty is not None and known.may_be_empty:
        good |= empty
    if not good.all():
        bad = int(np.argmin(good))
        at, found = _line_of(line, block, block[bad]), cells[bad].strip()
        found = repr(found[:40]) if found else "an empty cell"
        if not usual[bad] and np.isfinite(values[bad]):
            raise DataError(
                f"{name}:{at}: column {header!r}: found {found}; expected a number from {NEAR:g} to"
                f" {FAR:g}"
            )
        wanted = known.expected if scale == 1.0 else f"{known.expected} after scaling by {scale:g}"
        raise DataError(f"{name}:{at}: column {header!r}: found {found}; expected {wanted}")
    return values * scale


def _number(cell: str) -> float:
    try:
        return float(cell) if cell.isascii() and "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _have(header: list[str]) -> str:
    shown = ", ".join(header[:SHOWN]) + (", ..." if len(header) > SHOWN else "")
    hint = " (cells are separated by commas)" if len(header) == 1 else ""
    return f" among {shown}{hint}"
