"""Runs of discriminators: what they leave; killed or shared by two ranks, they end the same."""

import os
import pathlib
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from small_generators import JUDGING, small_run, write_judged
from small_runs import ENV, RANKS, rows, timeless

from advlib.generators.discriminator import load_discriminator
from advlib.jobs.files import file_sha256

TESTS = str(pathlib.Path(__file__).parents[1])


@pytest.fixture(scope="module")
def judged(small_sets):
    write_judged(small_sets)
    before = os.getcwd()
    os.chdir(small_sets)
    yield small_sets
    os.chdir(before)


@pytest.fixture(scope="module")
def finished(judged):
    assert small_run(judged, "told", **JUDGING).train()
    return judged / "told"


def test_half_of_every_batch_is_real(judged):
    run = small_run(judged, "halves", **JUDGING)
    grey, count = 0, 0
    for step, batch in zip(range(run.steps), run.batches(), strict=False):
        real = run.objective.is_real(batch.position)
        assert int(real.sum()) == 16 and step < 10
        made = batch.image.flatten(1).float().std(1) < 15  # as small_generators makes them
        assert torch.equal(made, ~real)
        grey, count = grey + int(made.sum()), count + len(made)
    assert (grey, count) == (160, 320)


def test_the_folder_holds_the_discriminator_and_a_log(finished, judged):
    names = {path.name for path in finished.iterdir()}
    assert names == {"discriminator.safetensors", "state.safetensors", "log.jsonl"}
    header, *others = rows(finished / "log.jsonl")
    about = header["discriminator"]
    digest = file_sha256(judged / "maps.safetensors")
    assert about["name"] == "adm-32x1" and about["extractor"]["sha256"] == digest
    assert (header["dataset"], header["generated"]) == (str(judged / "train"), "made")
    assert about["parameters"] == header["params"] and header["flops_per_image"] > 0
    assert [row["sheet"] for row in others if row["event"] == "snapshot"] == [None, None]
    losses = [row["loss"] for row in others if "lr" in row]
    assert losses[0] == pytest.approx(0.69, abs=0.03) and losses[-1] < losses[0]


def test_what_is_left_judges_and_the_extractor_is_as_it_was(finished, judged):
    before = file_sha256(judged / "maps.safetensors")
    judge = load_discriminator(finished / "discriminator.safetensors", judged / "maps.safetensors")
    assert before == file_sha256(judged / "maps.safetensors")
    image, tau = torch.zeros(2, 3, 8, 8), torch.tensor([0.01, 0.5])
    found = judge.probability(image, tau, torch.tensor([0, 2]))
    assert found.shape == (2,) and ((found > 0) & (found < 1)).all()


def test_weights_are_those_of_the_last_step(finished):
    kept = load_file(finished / "discriminator.safetensors")
    state = load_file(finished / "state.safetensors")
    for name, tensor in kept.items():
        assert any(torch.equal(tensor, other) for other in state.values()), name


KILLER = """
import os, pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from kills import attempt, killed_until_done
from small_generators import JUDGING, small_run
os.chdir(sys.argv[1])
def train(name):
    run = small_run(pathlib.Path(), name, **JUDGING)
    run.plan.save_every = 0.02
    run.train()
begun = time.monotonic()
assert os.waitpid(attempt(lambda: train("whole/told")), 0)[1] == 0
print(killed_until_done(lambda: train("killed/told"), 10, (time.monotonic() - begun) / 3))
"""


def test_ten_kills_change_no_byte(judged):
    line = [sys.executable, "-c", KILLER, str(judged), TESTS]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr
    whole, killed = (judged / name / "told" for name in ("whole", "killed"))
    assert {p.name for p in whole.iterdir()} == {p.name for p in killed.iterdir()}
    one, other = (folder / "discriminator.safetensors" for folder in (whole, killed))
    assert one.read_bytes() == other.read_bytes()
    assert timeless(whole / "log.jsonl") == timeless(killed / "log.jsonl")


DOUBLE = """
import pathlib, sys
sys.path.insert(0, sys.argv[2])
from small_generators import JUDGING, small_run
from advlib.jobs.ranks import leave
small_run(pathlib.Path(), sys.argv[1], **JUDGING | {"batch": 30, "samples": 300}).train()
leave()
"""


def test_two_ranks_train_as_one(judged):
    (judged / "double-judge.py").write_text(DOUBLE)
    for prefix, name in ((sys.executable, "one"), (RANKS, "two")):
        line = [*prefix.split(), "double-judge.py", f"{name}-judge", TESTS]
        done = subprocess.run(
            line, cwd=judged, env=ENV, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
    one, two = (
        [row["loss"] for row in timeless(judged / f"{name}-judge/log.jsonl") if "lr" in row]
        for name in ("one", "two")
    )
    assert one == pytest.approx(two, rel=1e-4)
    mine, its = (
        load_file(judged / f"{name}-judge/discriminator.safetensors") for name in ("one", "two")
    )
    off = torch.cat([(mine[key] - its[key]).abs().flatten() for key in mine])
    assert off.mean() < 1e-5  # Adam moves weights without a gradient by the noise of its rounding
