"""Killed, stopped, or shared by two ranks, a run ends with the same weights, sheets and log."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from small_generators import LINE
from small_runs import ENV, RANKS, same_weights, start, timeless

TESTS = str(pathlib.Path(__file__).parents[1])
KILLER = """
import os, pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from kills import attempt, killed_until_done
from small_generators import raw_sheet, small_run
here = pathlib.Path(sys.argv[1])
os.chdir(here)
def train(name):
    run = small_run(pathlib.Path(), name, draw=raw_sheet)
    run.plan.save_every = 0.02
    run.train()
begun = time.monotonic()
assert os.waitpid(attempt(lambda: train("whole")), 0)[1] == 0
print(killed_until_done(lambda: train("killed"), 10, (time.monotonic() - begun) / 3))
"""


def test_ten_kills_change_no_bit(small_sets):
    line = [sys.executable, "-c", KILLER, str(small_sets), TESTS]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 10
    whole, killed = (small_sets / name for name in ("whole", "killed"))
    assert {p.name for p in whole.iterdir()} == {p.name for p in killed.iterdir()}
    for path in whole.glob("sheet-*"):
        assert path.read_bytes() == (killed / path.name).read_bytes()
    for path in whole.glob("generator*"):
        assert same_weights(path, killed / path.name)
    assert timeless(whole / "log.jsonl") == timeless(killed / "log.jsonl")


def test_sigterm_to_the_group_saves_and_the_same_line_goes_on(small_sets):
    """As a scheduler sends it: to the command and to its readers."""
    line = f"{LINE} --workers 1 -q"
    job = start(small_sets, f"{line} -o stopped", start_new_session=True)
    log = small_sets / "stopped/log.jsonl"
    while job.poll() is None and not (log.exists() and '"snapshot"' in log.read_text()):
        time.sleep(0.01)
    os.killpg(job.pid, signal.SIGTERM)
    assert job.wait() == 143 and '"end"' not in log.read_text()
    for name in ("stopped", "unstopped"):
        subprocess.run(f"{line} -o {name}".split(), cwd=small_sets, env=ENV, check=True)
    for path in (small_sets / "unstopped").glob("generator*"):
        assert same_weights(path, small_sets / "stopped" / path.name)
    for path in (small_sets / "unstopped").glob("sheet*"):
        assert path.stat().st_size > 1000 and (log.parent / path.name).exists()
    assert timeless(log)[1:] == timeless(small_sets / "unstopped/log.jsonl")[1:]


# dropout and augmentation too: every number of an image hangs on its place in the run
DOUBLE = """
import pathlib, sys
sys.path.insert(0, sys.argv[2])
from small_generators import small_run
from advlib.jobs.ranks import leave
run = small_run(pathlib.Path(), sys.argv[1], batch=31, samples=310, augment=0.5, dropout=0.3)
run.train()
leave()
"""


def test_two_ranks_train_as_one(small_sets):
    """A batch of 31 cut in 16 and 15: the same to the rounding of float32, over ten steps."""
    (small_sets / "double.py").write_text(DOUBLE)
    for prefix, name in ((sys.executable, "one"), (RANKS, "two")):
        line = [*prefix.split(), "double.py", f"{name}-rank", TESTS]
        done = subprocess.run(
            line, cwd=small_sets, env=ENV, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
    header, *one = timeless(small_sets / "one-rank/log.jsonl")
    assert header["ranks"] == 1
    header, *two = timeless(small_sets / "two-rank/log.jsonl")
    assert header["ranks"] == 2 and len(one) == len(two)
    for mine, its in zip(one, two, strict=True):
        assert mine.pop("event") == its.pop("event")
        assert mine.pop("sheet", None) is its.pop("sheet", None) is None
        assert mine == pytest.approx(its, rel=1e-4)
    mine, its = (load_file(small_sets / f"{n}-rank/generator.safetensors") for n in ("one", "two"))
    for key in mine:
        torch.testing.assert_close(mine[key], its[key], rtol=1e-2, atol=2e-4)
