"""Files are whole or not there, and a folder is one process's at a time."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext as nothing

import pytest

from advlib.errors import CannotError, DataError
from advlib.jobs.files import atomic_write, close_synced, lock_folder, write_json

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


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path, monkeypatch):
    done = []

    def noted(name):
        call = getattr(os, name)
        return lambda *args: (done.append(name), call(*args))[1]

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    write_json(tmp_path / "kept", {"a": [1, 2]})
    assert done == ["fsync", "replace", "fsync"]
    assert json.loads((tmp_path / "kept").read_text()) == {"a": [1, 2]}
    with open(tmp_path / "big", "wb", buffering=1 << 20) as file:
        file.write(b"x")
        close_synced(file)
        assert file.closed
    assert done[3:] == ["fsync"]


@pytest.mark.parametrize("locks", ["files", "none"])
def test_a_folder_whose_file_system_locks_no_folders_is_locked_by_a_file(
    tmp_path, monkeypatch, locks
):
    """As NFS, which locks what is open for writing; some file systems lock nothing."""
    flock = fcntl.flock

    def limited(handle, how):
        if locks == "none" or not fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_WRONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", limited)
    expected = (
        pytest.raises(CannotError, match="another process") if locks == "files" else nothing()
    )
    with lock_folder(tmp_path), expected, lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass
