"""Files are whole or not there, and a folder is one process's at a time."""

import os
import signal
import subprocess
import sys

import pytest

from advlib.errors import CannotError, DataError
from advlib.jobs.files import atomic_write, lock_folder

DYING = """
import os, signal, sys
from advlib.jobs.files import atomic_write, lock_folder
with lock_folder(sys.argv[1]), atomic_write(sys.argv[1] + "/kept") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder):
    done = subprocess.run([sys.executable, "-c", DYING, str(folder)])
    assert done.returncode == -signal.SIGKILL


def test_a_killed_write_leaves_the_old_file_and_the_next_in_the_folder_clears_up(tmp_path):
    (tmp_path / "kept").write_bytes(b"old")
    (tmp_path / ".other").write_bytes(b"not ours")
    killed(tmp_path)
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == 3
    with lock_folder(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [".other", "kept"]
        with atomic_write(tmp_path / "kept") as file:
            file.write(b"new")
    assert (tmp_path / "kept").read_bytes() == b"new"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "kept").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "kept") as file:
        file.write(b"%d" % (1 // 0))
    assert os.listdir(tmp_path) == ["kept"] and (tmp_path / "kept").read_bytes() == b"old"


def test_a_locked_folder_is_refused_until_it_is_unlocked(tmp_path):
    with lock_folder(tmp_path):
        with (
            pytest.raises(CannotError, match="another process is at work in it"),
            lock_folder(tmp_path),
        ):
            pass
        (tmp_path / ".a.unfinished").touch()  # of the one that has it
    with lock_folder(tmp_path):
        assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError), lock_folder(tmp_path / "nowhere"):
        pass


@pytest.mark.parametrize("kind", [CannotError, DataError])
def test_errors_are_one_line_whatever_is_in_a_name(kind):
    assert str(kind("a\nname.tar: damaged\r")) == "a name.tar: damaged"
