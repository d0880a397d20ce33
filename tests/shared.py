"""What is expensive to make and used by many tests, made once in a run, whatever its processes."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "ADVTOOLS_TESTS_SHARED"  # the folder of this run, for the workers of pytest-xdist


def begin() -> bool:
    """Make the folder of a run; False where another process of the run has."""
    if VARIABLE in os.environ:
        return False
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="advtools-tests-")
    return True


def end() -> None:
    """Remove that folder."""
    shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)


def once(name: str, fill: Callable[[Path], object]) -> Path:
    """The folder `name` of this run, which `fill` has filled: in one process, the others wait.

    Tests do not change what is in it.  Where `fill` fails, the next to ask tries again.
    """
    if begin():  # outside pytest, as in the bench
        atexit.register(end)
    folder = Path(os.environ[VARIABLE]) / name
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            done.touch()
    return folder
