"""Standard streams as a command finds them: closed by the caller, or gone with their terminal."""

import io
import os
import sys
from typing import Any

NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Make the standard streams of this process such that a command can rely on them.

    What the caller closed (`>&-`) fails when it is used, as a bad file descriptor, in one line;
    messages for people never fail: a job does not end because nobody can read them any more.
    """
    for number, name in enumerate(NAMES):
        if getattr(sys, name) is None:
            _occupy(number)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    if sys.stderr is sys.__stderr__ or sys.__stderr__ is None:
        raw = io.BufferedWriter(_Messages(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, errors="backslashreplace", line_buffering=True)


def _occupy(number: int) -> None:
    """Put something under a descriptor that is closed, lest the next file opened take its place.

    It is open the wrong way, so that reading or writing fails.
    """
    mode = os.O_WRONLY if number == 0 else os.O_RDONLY
    try:
        os.fstat(number)
    except OSError:
        handle = os.open(os.devnull, mode)
        if handle != number:
            os.dup2(handle, number)
            os.close(handle)


class _Messages(io.FileIO):
    """A file in which what cannot be written is dropped."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
