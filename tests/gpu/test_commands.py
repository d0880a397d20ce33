"""The commands on a GPU: the same scores and verdicts as on a CPU, and a run that goes on."""

import csv
import io
import json
import os
import signal
import subprocess
import time

import pytest
from small_runs import RUN, advtrain, rows, start

LOSS = 0.02  # relative, of losses after some steps, whose attacks follow signs of gradients


def steps(folder, name):
    return [row for row in rows(folder / name / "log.jsonl") if row["event"] == "step"]


@pytest.fixture(scope="module")
def on_gpu(small_sets):
    advtrain(small_sets, f"{RUN} -o gpu --device cuda")
    return small_sets


def test_a_run_has_the_losses_of_one_on_a_cpu(small_run, on_gpu):
    here, there = steps(on_gpu, "plain"), steps(on_gpu, "gpu")
    assert len(here) == len(there)
    for one, other in zip(here, there, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=LOSS)


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("--precision tf32", LOSS),
        ("--precision bf16", 0.1),
        ("--compile", LOSS),
        ("--precision bf16 --compile --eval-precision bf16", 0.1),
        ("--no-channels-last", LOSS),
    ],
)
def test_every_way_to_train_learns_the_same(on_gpu, option, near):
    name = option.replace("-", "").replace(" ", "")
    advtrain(on_gpu, f"{RUN} -o {name} --device cuda {option}")
    last, other = steps(on_gpu, "gpu")[-1], steps(on_gpu, name)[-1]
    assert other["loss"] == pytest.approx(last["loss"], rel=near)


def test_a_run_that_is_stopped_goes_on_to_the_same_losses(on_gpu):
    job = start(on_gpu, f"{RUN} -o stopped --device cuda", stderr=subprocess.PIPE)
    log = on_gpu / "stopped" / "log.jsonl"
    while job.poll() is None and not (log.exists() and log.read_text().count('"step": ') > 3):
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGTERM)
    job.communicate()
    assert job.returncode in (0, 143)
    advtrain(on_gpu, f"{RUN} -o stopped --device cuda")
    assert steps(on_gpu, "stopped")[-1]["loss"] == pytest.approx(
        steps(on_gpu, "gpu")[-1]["loss"], rel=LOSS
    )


@pytest.mark.parametrize("attack", ["autoattack", "pgd40-cw"])
def test_attacks_have_the_verdicts_of_a_cpu(advattack, attack):
    line = f"robust.st digits --first 100 --eps 0.12 --attack {attack} -q --device"
    one, other = (json.loads(advattack(f"{line} {device}").stdout) for device in ("cpu", "cuda"))
    assert one["clean_accuracy"] == other["clean_accuracy"]
    assert abs(one["accuracy"] - other["accuracy"]) <= 0.02


def test_scores_are_those_of_a_cpu(advattack):
    found = []
    for device in ("cpu", "cuda"):
        line = f"robust.st digits --first 200 --eps 0.12 -q --device {device}"
        found += csv.DictReader(io.StringIO(advattack.adveval(line).stdout))
    for name, near in {"clean_accuracy": 1e-9, "clean_loss": 1e-4, "accuracy": 0.01}.items():
        assert float(found[0][name]) == pytest.approx(float(found[1][name]), abs=near)
