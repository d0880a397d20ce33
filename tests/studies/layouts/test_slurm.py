"""The script of a Slurm array, with stand-ins for what a cluster has."""

import os
import signal
import subprocess
import time

import pytest

from advlib.studies.commands import Line
from advlib.studies.layouts import commands
from advlib.studies.layouts.slurm import text

FAKES = {"srun": 'exec "$@"', "scontrol": 'echo "$@" >> requeued'}


@pytest.fixture
def task(tmp_path):
    """Start the array's script as a task, in a process group of its own."""
    (tmp_path / "bin").mkdir()
    for name, body in FAKES.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def start(number, *said):
        lines = [Line(str(i), f"runs/{i}", each, 1.0) for i, each in enumerate(said)]
        (tmp_path / commands.FILE).write_text(commands.text(lines))
        (tmp_path / "slurm.sh").write_text(text(lines))
        env = os.environ | {
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "SLURM_ARRAY_TASK_ID": str(number),
            "SLURM_ARRAY_JOB_ID": "7",
        }
        return subprocess.Popen(["bash", "slurm.sh"], cwd=tmp_path, env=env, start_new_session=True)

    return start


def test_a_task_does_its_line_and_has_its_status(task, tmp_path):
    assert task(2, "exit 3", "echo two > made; exit 5").wait(30) == 5
    assert (tmp_path / "made").read_text() == "two\n"
    assert not (tmp_path / "requeued").exists()


def test_a_run_that_is_told_to_stop_saves_and_is_queued_again(task, tmp_path):
    body = "trap 'echo saved > state; exit 143' TERM; echo > begun; while :; do sleep .05; done"
    running = task(1, body)
    while not (tmp_path / "begun").exists():
        assert running.poll() is None
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGTERM)  # as Slurm's --signal reaches the steps of a task
    assert running.wait(30) == 143
    assert (tmp_path / "state").read_text() == "saved\n"
    assert (tmp_path / "requeued").read_text() == "requeue 7_1\n"


def test_the_array_has_a_task_a_run_and_time_to_save():
    script = text([Line(str(i), f"runs/{i}", "true", 1.0) for i in range(238)])
    head = [w for line in script.splitlines() if line.startswith("#SBATCH") for w in line.split()]
    assert {"--array=1-238", "--signal=TERM@120", "--requeue", "--open-mode=append"} <= set(head)
