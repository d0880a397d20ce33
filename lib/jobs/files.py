"""Writing files whole or not at all, and keeping a folder to one process at a time."""

import contextlib
import errno
import fcntl
import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

from advlib.errors import CannotError

UNFINISHED = ".unfinished"  # ends the name of a file that is being written
LOCK = ".lock"  # in a folder on NFS, which has locks for files alone


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` only when the block ends without error.

    A link stays one, and what it leads to is written.  A pipe or a device, which cannot be
    replaced, is written into.
    Raises OSError where it cannot be written.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        with open(path, "wb") as file:
            yield file
        return
    folder, base = os.path.split(path)
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
        sync_folder(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_json(path: str | os.PathLike, document: Any) -> None:
    """Write JSON as `atomic_write` does."""
    with atomic_write(path) as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())


def close_synced(file: IO) -> None:
    """Close a file that was written, once all of it is on the disk; then it may be renamed.

    Raises OSError where it does not fit.
    """
    file.flush()
    os.fsync(file.fileno())
    file.close()


def sync_folder(folder: str | os.PathLike) -> None:
    """Have the names of a folder's files on the disk: renames outlive a power cut in their order.

    File systems that cannot are passed over.  Raises OSError where there is no such folder.
    """
    handle = os.open(folder or os.curdir, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def cannot_write(path: str | os.PathLike) -> Iterator[None]:
    """Raise CannotError, which names the file, for an OSError in the block: a full disk, say."""
    try:
        yield
    except OSError as err:
        raise CannotError(f"{err.filename or path}: {err.strerror}") from err


def file_sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.  Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def lock_folder(folder: str | os.PathLike) -> Iterator[None]:
    """Keep a folder to this process while the block lasts; others that call this are refused.

    A process that is killed loses the lock.  Half-written files that `atomic_write` left in the
    folder when it was killed are removed.

    Raises CannotError where another process holds the lock; OSError where there is no such folder.
    """
    with contextlib.ExitStack() as handles:
        if _lock(folder, handles):
            for name in glob.glob(f".*{UNFINISHED}", root_dir=folder):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
        yield


def is_locked(folder: str | os.PathLike) -> bool:
    """Whether a process holds the lock of `lock_folder`; False without a folder."""
    try:
        with contextlib.ExitStack() as handles:
            _lock(folder, handles)
    except (CannotError, OSError) as err:
        return isinstance(err, CannotError)
    return False


def _lock(folder: str | os.PathLike, handles: contextlib.ExitStack) -> bool:
    """Whether the folder is locked as long as the handles last; its file system may have no locks.

    Raises CannotError where another process holds the lock.
    """
    for path, how in (
        (folder, os.O_RDONLY),
        (os.path.join(folder, LOCK), os.O_WRONLY | os.O_CREAT),
    ):
        handle = os.open(path, how)
        handles.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            raise CannotError(f"{folder}: another process is at work in it") from None
        except OSError:
            pass
    return False
