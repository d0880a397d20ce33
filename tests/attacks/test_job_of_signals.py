"""Signals to the group of an attack: its work is kept, one line says so, the same line goes on."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import environment
from jobs_of_attacks import RANKS, files, same_outcome

from advlib.jobs.signals import GROUP

CODE = """
import os, time
from mine import net
def slow(x):
    if "PAUSE" in os.environ:
        with open("asked", "ab") as file:
            file.write(b".")
        time.sleep(float(os.environ["PAUSE"]))
    return net(x)
"""
LINE = "advattack slow:slow few --attack apgd-ce,apgd-t,fab-t --eps 0.12 --first 24 --batch 8"
KEPT = f"{LINE} -o attacked --chunk 10 --layout chunk"
SAID = (
    "advattack: note: stopped; its work is kept beside attacked, and the same command line goes on"
)


@pytest.fixture(scope="module")
def folders(robust, tmp_path_factory):
    """Make a folder in which the command line can run."""

    def make():
        folder = tmp_path_factory.mktemp("signals")
        for file in ("mine.py", "few.index.json", "few-000000.tar"):
            shutil.copy(robust / file, folder)
        (folder / "slow.py").write_text(CODE)
        return folder

    return make


@pytest.fixture(scope="module")
def whole(folders):
    """A folder where the attack was not stopped."""
    folder = folders()
    subprocess.run(KEPT.split(), cwd=folder, env=environment(), check=True, capture_output=True)
    return folder


def start(folder, line, pause="0.005"):
    return subprocess.Popen(
        line.split(),
        cwd=folder,
        env=environment() | {"PAUSE": pause, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def asked(folder):
    return (folder / "asked").stat().st_size if (folder / "asked").exists() else 0


def stop(job, folder, number, more):
    """Send a signal to the group once the network was asked so many times more."""
    begun = asked(folder)
    while job.poll() is None and asked(folder) < begun + more:
        time.sleep(0.005)
    os.killpg(job.pid, number)
    return job.communicate(timeout=120)


def test_signals_to_the_group_keep_the_work_and_the_same_line_goes_on(folders, whole):
    folder, chance = folders(), random.Random(5)
    kept = folder / ".attacked.attack"
    for number in GROUP:
        job = start(folder, KEPT)
        out, said = stop(job, folder, number, chance.randint(350, 500))
        assert (job.returncode, out) == (128 + number, ""), said
        assert said.splitlines()[-1] == SAID
        assert "Traceback" not in said
        assert list(kept.glob("*.safetensors")), "the first start took no 350 questions"
    subprocess.run(KEPT.split(), cwd=folder, env=environment(), check=True, capture_output=True)
    (folder / "asked").unlink()
    assert files(folder) == files(whole)


@pytest.mark.parametrize("extra", ["--draws library", "--engine reference"])
def test_a_signal_within_a_stage_of_the_library_keeps_the_stages_before(folders, extra):
    folder = folders()
    line = KEPT.replace("apgd-ce,apgd-t,fab-t", "apgd-ce,square").replace("--batch 8", extra)
    job = start(folder, line, "0.002")
    _, said = stop(job, folder, signal.SIGTERM, 1000)
    assert job.returncode == 143 and said.splitlines()[-1] == SAID
    assert list((folder / ".attacked.attack").glob("under-way-*"))


def test_signals_to_the_group_of_two_ranks_lose_nothing(folders, whole):
    folder = folders()
    line = f"{sys.executable} {RANKS} --no-python {KEPT}"
    job = start(folder, line)
    _, said = stop(job, folder, signal.SIGTERM, 700)
    assert said.count(SAID) == 1, said
    assert "advtools" not in said.replace(SAID, ""), said
    assert len(list((folder / ".attacked.attack").glob("*.safetensors"))) == 2
    done = subprocess.run(line.split(), cwd=folder, env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr
    (folder / "asked").unlink()
    same_outcome(folder, whole)


def test_without_a_name_a_stopped_attack_says_that_nothing_is_kept(folders):
    folder = folders()
    job = start(folder, LINE)
    out, said = stop(job, folder, signal.SIGTERM, 30)
    assert (job.returncode, out) == (143, "")
    assert said.splitlines()[-1].endswith("stopped; with -o NAME its work would have been kept")
    assert not list(folder.glob(".*attack"))
