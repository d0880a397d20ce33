"""Fixtures that all tests share."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import commands
import pytest
import shared
from hypothesis import HealthCheck, settings

# before torch is loaded: on the tests' small tensors threads cost more than they bring, and on a
# busy machine they wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no test cuts the power, and to wait for the disk takes longer than what most of them do
os.fsync = lambda handle: None

# a shell starts what it runs in the background with Ctrl-C ignored, which commands inherit
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# a busy machine is no failure: no example has to end within a time
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")

BIN = Path(sys.executable).parent  # of the environment under test: its commands come first
HIDDEN = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")  # of the caller's terminal; they change output


def environment() -> dict[str, str]:
    """The environment of a command under test: the installed commands first on PATH."""
    out = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return out | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "LC_ALL": "C"}


@pytest.fixture
def sh(tmp_path):
    """Run a shell line in an empty folder, with pipefail; a CompletedProcess of text."""

    def run(command: str, **extra) -> subprocess.CompletedProcess:
        options = {
            "cwd": tmp_path,
            "env": environment(),
            "capture_output": True,
            "text": True,
            "timeout": 600,  # of a machine that is busy
        }
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], **{**options, **extra})

    return run


@pytest.fixture
def small_disk():
    """Mount a file system of `size` at a new folder, in which a file `filler` takes some bytes."""
    with contextlib.ExitStack() as stack:

        def mount(folder: Path, size: str, filler: int = 0) -> Path:
            folder.mkdir()
            line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
            if os.geteuid() or subprocess.run(line, capture_output=True).returncode:
                pytest.skip("mounting a tmpfs is not permitted here")
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
            (folder / "filler").write_bytes(bytes(filler))
            return folder

        yield mount


def pytest_configure(config):
    """Begin a run: its workers, if any, share a folder."""
    if shared.begin():
        config.add_cleanup(shared.end)


@pytest.fixture(scope="session")
def small_sets(tmp_path_factory):
    """A folder with small sets to train on: train, test, few and large."""
    from small_runs import write_sets

    folder = tmp_path_factory.mktemp("small-sets")
    write_sets(folder)
    return folder


@pytest.fixture(scope="session")
def small_run(small_sets):
    """The folder of a finished run on them, of the command line small_runs.RUN."""
    from small_runs import RUN, advtrain

    advtrain(small_sets, f"{RUN} -o plain")
    return small_sets / "plain"


@pytest.fixture(scope="session")
def robust(tmp_path_factory):
    """A folder with a network trained to withstand attacks, and digits to attack it with."""
    from robust import fill

    folder = tmp_path_factory.mktemp("robust")
    shutil.copytree(shared.once("robust", fill), folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def call(tmp_path):
    """Run command lines in an empty folder, in this process: see commands.inside."""
    with commands.inside(tmp_path) as run:
        yield run


@pytest.fixture
def advattack(robust):
    """Run command lines of advattack, in this process, in that folder."""
    from robust import inside

    with inside(robust) as run:
        yield run


@pytest.fixture(scope="module")
def wrong(robust, tmp_path_factory):
    """A folder of what is wrong: networks in Python, checkpoints, sets."""
    from own_networks import fill

    folder = tmp_path_factory.mktemp("wrong")
    fill(folder, robust)
    return folder


@pytest.fixture
def bad(wrong, monkeypatch):
    """Run command lines of advattack, in this process, in that folder."""
    from robust import inside

    for name in ("mine", "own"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with inside(wrong) as run:
        yield run
    for name in ("mine", "own"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a network that learnt a little of the digits, and sets to score it on."""
    from evaluated import fill

    made = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(shared.once("evaluated", fill), made, dirs_exist_ok=True)
    return made


@pytest.fixture
def adveval(folder, monkeypatch):
    """Run a command line of adveval in that folder; the result of click's runner."""
    from click.testing import CliRunner

    from advtools.adveval import main

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["adveval"])
    old = signal.getsignal(signal.SIGPIPE)  # the tool gives it back to the system

    def run(line, **extra):
        return CliRunner().invoke(main, line.split(), prog_name="adveval", **extra)

    yield run
    signal.signal(signal.SIGPIPE, old)
