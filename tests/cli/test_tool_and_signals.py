"""Any command under a signal: one line, and the status that shells give."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import environment

from advlib.jobs.signals import GROUP

SAID = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "stopped by SIGTERM",
    signal.SIGHUP: "stopped by SIGHUP",
}
# Works in a folder that it leaves tidy, with a helper that it forked.
COMMAND = """
import os, sys, tempfile, time
import click
from advlib.cli import Tool
@click.command(cls=Tool)
def main():
    with tempfile.TemporaryDirectory(dir="."):
        if not os.fork():
            print("ready", flush=True)
        time.sleep(60)
main([], prog_name="advwork")
"""
LONG = ["adveval", "robust.st", "few", "--eps", "0.1", "--attack-steps", "100000"]
# Two copies of one signal, as torchrun sends it to a group that has got it already.
TWICE = [1, 2]


@pytest.mark.parametrize("number", GROUP)
@pytest.mark.parametrize("times", TWICE)
def test_a_signal_to_the_group_is_one_line_and_a_status(tmp_path, number, times):
    job = started([sys.executable, "-c", COMMAND], tmp_path)
    assert job.stdout.readline() == "ready\n"
    for _ in range(times):
        os.killpg(job.pid, number)
    out, said = job.communicate(timeout=60)
    assert (job.returncode, out) == (128 + number, "")
    assert said.strip() == f"advwork: {SAID[number]}" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", GROUP)
def test_an_evaluation_under_a_signal_is_one_line(robust, number):
    job = started(
        ["adveval", "robust.st", "few", "--eps", "0.1", "--attack-steps", "100000"], robust
    )
    time.sleep(4.0)  # while it starts, or later: the promise is the same
    os.killpg(job.pid, number)
    out, said = job.communicate(timeout=60)
    assert (job.returncode, out) == (128 + number, "")
    assert said.strip().splitlines()[-1] == f"adveval: {SAID[number]}" and "Error" not in said


def test_other_ranks_say_nothing(tmp_path):
    job = started([sys.executable, "-c", COMMAND], tmp_path, RANK="1")
    assert job.stdout.readline() == "ready\n"
    os.killpg(job.pid, signal.SIGTERM)
    assert job.communicate(timeout=60) == ("", "") and job.returncode == 143


def test_an_ignored_signal_stays_ignored(tmp_path):
    job = started(["nohup", sys.executable, "-c", COMMAND], tmp_path)
    assert job.stdout.readline() == "ready\n"
    os.kill(job.pid, signal.SIGHUP)
    time.sleep(0.2)
    assert job.poll() is None
    os.killpg(job.pid, signal.SIGTERM)
    job.communicate(timeout=60)
    assert job.returncode == 143


def started(words, folder, **extra):
    return subprocess.Popen(
        words,
        cwd=folder,
        env=environment() | extra,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
