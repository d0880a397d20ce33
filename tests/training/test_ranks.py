"""Two ranks train as one, are stopped together, and end together."""

import os
import signal
import subprocess
import time

import pytest
import torch
from safetensors.torch import load_file
from small_runs import ENV, RANKS, RUN, rows, start, timeless


@pytest.fixture
def run(small_sets, sh):
    """Run a shell line among the sets, on one thread."""
    return lambda command, **extra: sh(command, cwd=small_sets, env=ENV, timeout=600, **extra)


# The run, in which rounding is too small to turn the sign of a gradient: the attack follows it.
DOUBLE = """
import sys
from advlib.training import setup
from advlib.training.settings import Evaluation, TrainingImages
from advlib.jobs.ranks import leave
build = setup.build
setup.build = lambda *about: build(*about).double()
RECIPE = dict(samples=620, batch=31, epoch=155, eps=0.05, step_size=0.02, attack_steps=3, lr=0.1)
run = setup.prepare(sys.argv[1], "wrn-10-1", TrainingImages(("train",)), RECIPE,
    Evaluation("few", "few", "0,2,4"))
run.plan.log_every, run.stop = 1, lambda: 0 < int(sys.argv[2]) <= run.step
run.train()
leave()
"""


def test_two_ranks_train_as_one_and_may_go_on_as_one(small_sets, run):
    """In float64, a batch of 31 cut in 16 and 15; one, two, and two that go on as one."""
    sets = small_sets
    (sets / "double.py").write_text(DOUBLE)
    run("python double.py one-double -1", check=True)
    done = run(f"{RANKS} double.py two-double -1 && {RANKS} double.py both-double 10")
    assert done.returncode == 0, done.stderr
    assert '"end"' not in (sets / "both-double/log.jsonl").read_text()
    run("python double.py both-double -1", check=True)
    for name in ("two-double", "both-double"):
        header, *one = timeless(sets / "one-double/log.jsonl")
        assert header["ranks"] == 1 and sum(row["event"] == "step" for row in one) == 20
        header, *other = timeless(sets / name / "log.jsonl")
        assert header["ranks"] == 2 and len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            assert mine.pop("event") == its.pop("event")
            assert mine == pytest.approx(its, rel=1e-9)
        for file in ("last.safetensors", "best.safetensors"):
            mine, its = (load_file(sets / run / file) for run in ("one-double", name))
            for key in mine:
                torch.testing.assert_close(mine[key], its[key], rtol=1e-9, atol=1e-11)


def test_two_ranks_that_are_stopped_go_on_as_one(small_run, run):
    sets = small_run.parent
    job = start(
        sets,
        f"{RANKS} --no-python {RUN} -o two",
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    log = sets / "two" / "log.jsonl"
    while job.poll() is None and not (log.exists() and log.read_text().count('"step": ') > 8):
        time.sleep(0.02)
    os.killpg(job.pid, signal.SIGTERM)
    job.communicate()
    assert job.returncode == 1 and (sets / "two/state.safetensors").exists()
    run(f"{RUN} -o two", check=True)
    one, two = (
        [r["loss"] for r in rows(sets / name / "log.jsonl") if r["event"] == "step"]
        for name in ("plain", "two")
    )
    assert len(one) == len(two) and one[0] == pytest.approx(two[0], rel=1e-4)


def test_the_death_of_a_rank_ends_the_job(small_sets):
    sets = small_sets
    job = start(
        sets,
        f"{RANKS} --no-python {RUN.replace('1500', '150000')} -o dies",
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = sets / "dies" / "log.jsonl"
    while job.poll() is None and not (log.exists() and '"step"' in log.read_text()):
        time.sleep(0.02)
    children = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True)
    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    assert job.wait(timeout=300) != 0
