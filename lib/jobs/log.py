"""The log of a run: JSON Lines, as advlog(5) says: a header, steps and evaluations, the end."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import BinaryIO

from advlib.errors import CannotError, DataError
from advlib.numbers import finite_json

FORMAT, VERSION = "advlog", 1


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Raise CannotError, which names the file, where the block cannot write: a full disk, say."""
    try:
        yield
    except OSError as err:
        raise CannotError(f"{path}: {err.strerror}") from err


class Log:
    """A log being written.  It is cut back to what a saved state knew, so no row comes twice."""

    def __init__(self, path: str, size: int = 0):
        """Open the log and cut it to `size` bytes, 0 for a new run.

        Raises DataError where less is left of it than the state has seen, CannotError where it
        cannot be written.
        """
        self.path = path
        with writing(path):
            self._file: BinaryIO = open(path, "r+b" if size else "wb")  # noqa: SIM115
        found = os.fstat(self._file.fileno()).st_size
        if found < size:
            raise DataError(f"{path}: {found} bytes; the saved state has seen {size}")
        self._file.truncate(size)
        self._file.seek(size)

    def settle(self) -> int:
        """Bytes written, once they are on the disk: a state must not know more than that."""
        with writing(self.path):
            os.fsync(self._file.fileno())
        return self._file.tell()

    def write(self, event: str, **values) -> None:
        """Append a row; numbers that are not finite become null."""
        row = finite_json({"event": event, **values})
        with writing(self.path):
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()

    def header(self, **settings) -> None:
        """Write the first row."""
        self.write("header", format=FORMAT, version=VERSION, **settings)

    def close(self) -> None:
        """Close the file; a row that did not fit, and was said not to, is dropped."""
        with contextlib.suppress(OSError):
            self._file.close()


def read_log(stream, name: str) -> tuple[dict, list[dict]]:
    """A log's header, and its rows after it.

    A last line that was cut short, as a killed job leaves it, is left out.
    Raises DataError, naming the line, for what is no log.
    """
    rows = []
    lines = stream.read().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            event = row["event"]
        except (ValueError, TypeError, KeyError):
            if number == len(lines) and rows:
                break
            raise DataError(f"{name}:{number}: not a row of a training log") from None
        if not rows and (event != "header" or row.get("format") != FORMAT):
            raise DataError(f"{name}:{number}: found {event!r}; expected the header of a log")
        rows.append(row)
    if not rows:
        raise DataError(f"{name}: empty; expected a training log")
    if rows[0].get("version") != VERSION:
        found = rows[0].get("version")
        raise DataError(f"{name}:1: version {found!r}; expected {VERSION}")
    return rows[0], rows[1:]
