"""Stopped or killed at any moment, a run goes on to the same weights and the same log."""

import pathlib
import signal
import subprocess
import sys
import time

import torch
from safetensors.torch import load_file
from small_runs import ENV, RUN, advtrain, rows, same_weights, start, timeless

# Imports once, then forks a process per attempt.
KILLER = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
os.chdir(sys.argv[1])
import torch
torch.set_num_threads(1)
from advlib.training import setup
from advlib.training.settings import Evaluation, TrainingImages
from kills import attempt, killed_until_done
RECIPE = dict(samples=1500, batch=32, epoch=320, eps=0.05, step_size=0.02, attack_steps=2, lr=0.1)
def train(folder):
    run = setup.prepare(folder, "wrn-10-1", TrainingImages(("train",)), RECIPE,
        Evaluation("few", "few", "0,5"))
    run.plan.save_every, run.plan.log_every = 0.02, 4
    run.train()
begun = time.monotonic()
assert os.waitpid(attempt(lambda: train("whole")), 0)[1] == 0
print(killed_until_done(lambda: train("killed"), 10, (time.monotonic() - begun) / 3))
"""


def test_ten_kills_change_no_bit(small_sets):
    tests = str(pathlib.Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(small_sets), tests],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 10
    whole, killed = (small_sets / name for name in ("whole", "killed"))
    for name in ("last.safetensors", "best.safetensors"):
        assert same_weights(whole / name, killed / name)
    assert timeless(whole / "log.jsonl") == timeless(killed / "log.jsonl")
    # nothing half-written is left
    assert sorted(p.name for p in whole.iterdir()) == sorted(p.name for p in killed.iterdir())


def test_sigterm_saves_and_the_same_line_goes_on_to_the_same_weights(small_run):
    sets = small_run.parent
    job = start(sets, f"{RUN} -o stopped", stderr=subprocess.PIPE, text=True)
    log = sets / "stopped" / "log.jsonl"
    while job.poll() is None and not (log.exists() and '"step"' in log.read_text()):
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate()
    assert job.returncode == 143 and "the same command line goes on" in said
    # an evaluation may be all that the log has: then the state is of the first step
    assert (sets / "stopped/state.safetensors").exists() and '"end"' not in log.read_text()
    subprocess.run(f"{RUN} -o stopped".split(), cwd=sets, env=ENV, check=True)
    assert same_weights(small_run / "last.safetensors", sets / "stopped/last.safetensors")
    # the row of the steps before and after the stop is theirs together, to the last bit
    assert timeless(log)[1:] == timeless(small_run / "log.jsonl")[1:]


def test_a_state_of_the_form_before_goes_on(small_run):
    """Of version 1: momenta by number, and a recipe that has values which change nothing."""
    import json

    from safetensors import safe_open
    from safetensors.torch import save_file

    sets = small_run.parent
    line = "advtrain wrn-10-1 --data train --samples 256 --batch 32 --epoch 128 --loss clean"
    advtrain(sets, f"{line} --lr 0.05 -o new")
    path = str(sets / "new" / "state.safetensors")
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["advstate"])
    about |= {"version": 1}
    unused = {"step_size": 2 / 255, "attack_steps": 10, "beta": 5.0}
    assert {about["job"]["recipe"][name] for name in unused} == {None}
    about["job"]["recipe"] |= unused
    tensors = {
        f"momentum.{key.split('.')[1]}" if key.startswith("optimiser.") else key: value
        for key, value in load_file(path).items()
    }
    save_file(tensors, path, {"advstate": json.dumps(about)})
    before = (sets / "new" / "log.jsonl").read_bytes()
    advtrain(sets, f"{line} --lr 0.05 -o new")
    assert (sets / "new" / "log.jsonl").read_bytes() == before
    done = advtrain(sets, f"{line} --lr 0.06 -o new", status=2)
    assert "of another run, with lr 0.05; this one has 0.06" in done.stderr
    assert (
        rows(sets / "new" / "log.jsonl")[-1]["event"] == "end"
        and torch.isfinite(tensors["momentum.0"]).all()
    )
