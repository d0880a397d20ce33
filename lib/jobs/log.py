"""A log of JSON Lines: a header, then rows; cut back to what a saved state knew."""

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any, BinaryIO

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.jobs.files import cannot_write
from advlib.numbers import finite_json

HEADER = "header"  # the event of the first row


@dataclass(frozen=True)
class LogFormat:
    """What the header of a kind of log says it is; `what` names such a log in messages."""

    name: str
    version: int
    what: str

    def header(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The values of a header with these settings."""
        return {"format": self.name, "version": self.version, **settings}


class Log:
    """A log being written.  It is cut back to what a saved state knew, so no row comes twice."""

    def __init__(self, path: str, size: int = 0):
        """Open the log and cut it to `size` bytes, 0 for a new job.

        Raises DataError where less is left of it than the state has seen, CannotError where it
        cannot be written.
        """
        self.path = path
        with cannot_write(path):
            self._file: BinaryIO = open(path, "r+b" if size else "wb")  # noqa: SIM115
        found = os.fstat(self._file.fileno()).st_size
        if found < size:
            self._file.close()
            raise DataError(f"{path}: {found} bytes; the saved state has seen {size}")
        self._file.truncate(size)
        self._file.seek(size)

    def settle(self) -> int:
        """Bytes written, once they are on the disk: a state must not know more than that."""
        with cannot_write(self.path):
            os.fsync(self._file.fileno())
        return self._file.tell()

    def write(self, event: str, **values: Any) -> None:
        """Append a row; numbers that are not finite become null."""
        row = finite_json({"event": event, **values})
        with cannot_write(self.path):
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; a row that did not fit, and was said not to, is dropped."""
        with contextlib.suppress(OSError):
            self._file.close()


def read_log(stream: BinaryIO, name: str, expected: LogFormat) -> tuple[dict, list[dict]]:
    """A log's header, and its rows after it.

    A last line that was cut short, as a killed job leaves it, is left out.
    Raises DataError, naming the line, for what is no log of the expected format and version.
    """
    rows = _rows(stream.read().split(b"\n"), name, expected)
    if not rows:
        raise DataError(f"{name}: empty; expected a {expected.what}")
    if (version := rows[0].get("version")) != expected.version:
        raise DataError(f"{name}:1: version {version!r}; expected {expected.version}")
    return rows[0], rows[1:]


def _rows(lines: list[bytes], name: str, expected: LogFormat) -> list[dict]:
    rows: list[dict] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
            event = row["event"]
        except (ValueError, TypeError, KeyError):
            if number == len(lines) and rows:
                break
            raise DataError(f"{name}:{number}: not a row of a {expected.what}") from None
        if not rows and (event != HEADER or row.get("format") != expected.name):
            raise DataError(f"{name}:{number}: found {event!r}; expected the header of a log")
        rows.append(row)
    return rows
