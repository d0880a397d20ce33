"""Writing files whole or not at all, in folders that are one process's for a time."""

import contextlib
import errno
import fcntl
import glob
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from advlib.errors import CannotError

UNFINISHED = ".unfinished"  # ends the name of a file that is being written


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` only when the block ends without error.

    Raises OSError where it cannot be written.
    """
    folder, base = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "no such folder to write into", folder)
    handle, name = tempfile.mkstemp(UNFINISHED, f".{base}.", folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # a renamed file may otherwise be empty after a power cut
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def held(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other processes that ask likewise off a folder, as long as the block lasts.

    The system lets go of it where the process is killed.  What `atomic_write` left in the folder
    when it was killed is removed.

    Raises CannotError where another process has it; OSError where there is no such folder.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotError(f"{folder}: another process is at work in it") from None
        except OSError:
            pass  # a file system without locks, as some that are shared by machines
        else:
            for name in glob.glob(f".*{UNFINISHED}", root_dir=folder):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
        yield
    finally:
        os.close(handle)
