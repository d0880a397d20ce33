"""Training goes on exactly after a kill, with any number of ranks, and ends cleanly on trouble."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import environment
from safetensors.torch import load_file

from advlib.jobs.files import lock_folder
from advlib.models.checkpoints import load
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer
from advlib.training.data import recorded_fid

RUN = (
    "advtrain wrn-10-1 --data train --test test --validation test --samples 1500 --batch 32"
    " --epoch 320 --eps 0.05 --step-size 0.02 --attack-steps 2 --lr 0.1 --evaluate 0,2,5"
)
# Imports once, then forks a process per attempt.
KILLER = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
os.chdir(sys.argv[1])
import torch
torch.set_num_threads(1)
from fractions import Fraction
from advlib.training import setup
from kills import attempt, killed_until_done
def train(folder):
    run = setup.prepare(folder, "wrn-10-1", ["train"], None, Fraction(1, 8), "test", "test", 1500,
        [0, 2, 5], batch=32, epoch=320, eps=0.05, step_size=0.02, attack_steps=2, lr=0.1)
    run.plan.save_every, run.plan.log_every = 0.02, 4
    run.train()
begun = time.monotonic()
assert os.waitpid(attempt(lambda: train("whole")), 0)[1] == 0
print(killed_until_done(lambda: train("killed"), 20, (time.monotonic() - begun) / 5))
"""


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A folder with sets of 8x8 images of 3 classes, told apart by their brightest channel."""
    folder = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name, count in (("train", 400), ("test", 60), ("large", 40)):
        side = 12 if name == "large" else 8
        label = np.arange(count) % 3
        image = rng.integers(60, 160, (count, side, side, 3))
        image[np.arange(count), :, :, label] += 60
        with Writer(str(folder / name), chunk=50, classes=3) as writer:
            writer.write(Chunk(image.astype(np.uint8), label, np.arange(count)))
    return folder


@pytest.fixture
def run(sets, sh):
    """Run a shell line among the sets, on one thread."""

    def call(command, **extra):
        env = environment() | {"OMP_NUM_THREADS": "1"}
        return sh(command, cwd=sets, env=env, **extra)

    return call


def rows(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def timeless(path):
    """A log without what depends on the clock."""
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "images_per_second", "run")}
        for row in rows(path)
    ]


def same_weights(one, other):
    mine, its = load_file(one), load_file(other)
    return mine.keys() == its.keys() and all(torch.equal(mine[k], its[k]) for k in mine)


def test_twenty_kills_change_no_bit(sets):
    tests = str(pathlib.Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(sets), tests],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 20
    for name in ("last.safetensors", "best.safetensors"):
        assert same_weights(sets / "whole" / name, sets / "killed" / name)
    assert timeless(sets / "whole/log.jsonl") == timeless(sets / "killed/log.jsonl")
    names = [sorted(path.name for path in (sets / run).iterdir()) for run in ("whole", "killed")]
    assert names[0] == names[1]  # nothing half-written is left


def test_one_process_at_a_time_is_at_a_run(sets, finished, run):
    with lock_folder(finished):
        done = run(f"{RUN} -o plain")
    assert done.returncode == 1
    assert done.stderr == "advtrain: plain: another process is at work in it\n"
    assert run(f"{RUN} -o plain").returncode == 0


@pytest.fixture(scope="module")
def finished(sets):
    env = environment() | {"OMP_NUM_THREADS": "1"}
    subprocess.run(f"{RUN} -o plain".split(), cwd=sets, env=env, check=True)
    return sets / "plain"


def test_a_log_says_what_was_done_and_learning_shows_in_it(finished):
    header, *others = rows(finished / "log.jsonl")
    assert header["params"] == sum(
        p.numel() for p in load(finished / "last.safetensors")[0].parameters()
    )
    assert header["recipe"]["beta"] == 5 and header["history"][-1]["tool"] == "advtrain"
    found = [row for row in others if row["event"] == "evaluation"]
    assert [row["epoch"] for row in found] == [0, 2, 5]
    assert [row["samples"] for row in found] == [0, 640, 1600]
    assert found[-1]["flops"] == 1600 * header["flops_per_image"]
    assert found[-1]["loss"] < found[0]["loss"] and others[-1]["event"] == "end"
    assert sum(row["event"] == "validation" for row in others) == 5


def test_the_best_checkpoint_is_the_last_of_the_most_robust(finished):
    found = [r for r in rows(finished / "log.jsonl") if r["event"] == "validation"]
    best = max(range(5), key=lambda i: (found[i]["accuracy"], i))
    _, about = load(finished / "best.safetensors")
    assert about["epoch"] == found[best]["epoch"]


def test_a_finished_run_is_left_as_it_is(finished, run):
    before = (finished / "log.jsonl").read_bytes()
    assert run(f"{RUN} -o plain").returncode == 0
    assert (finished / "log.jsonl").read_bytes() == before


def test_sigterm_saves_and_the_same_line_goes_on_to_the_same_weights(finished, sets, run):
    command = f"{RUN} -o stopped".split()
    env = environment() | {"OMP_NUM_THREADS": "1"}
    job = subprocess.Popen(command, cwd=sets, env=env, stderr=subprocess.PIPE, text=True)
    log = sets / "stopped" / "log.jsonl"
    while job.poll() is None and not (log.exists() and '"step"' in log.read_text()):
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate()
    assert job.returncode == 143 and "the same command line goes on" in said
    run(f"{RUN} -o stopped", check=True)
    assert same_weights(finished / "last.safetensors", sets / "stopped/last.safetensors")
    # the row of the steps before and after the stop is theirs together, to the last bit
    assert timeless(sets / "stopped/log.jsonl")[1:] == timeless(finished / "log.jsonl")[1:]


RANKS = "python -m torch.distributed.run --standalone --nproc-per-node 2"
# The run, in which rounding is too small to turn the sign of a gradient: the attack follows it.
DOUBLE = """
import sys
from fractions import Fraction
from advlib.training import setup
from advlib.jobs.ranks import leave
build = setup.build
setup.build = lambda *about: build(*about).double()
run = setup.prepare(sys.argv[1], "wrn-10-1", ["train"], None, Fraction(1, 8), "test", "test", 620,
    [0, 2, 4], batch=31, epoch=155, eps=0.05, step_size=0.02, attack_steps=3, lr=0.1)
run.plan.log_every, run.stop = 1, lambda: run.step == int(sys.argv[2])
run.train()
leave()
"""


def test_two_ranks_train_as_one_and_may_go_on_as_one(sets, run):
    """In float64, a batch of 31 cut in 16 and 15; one, two, and two that go on as one."""
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
            mine.pop("utilisation", None), its.pop("utilisation", None)
            assert mine == pytest.approx(its, rel=1e-9)
        for file in ("last.safetensors", "best.safetensors"):
            mine, its = (load_file(sets / run / file) for run in ("one-double", name))
            for key in mine:
                torch.testing.assert_close(mine[key], its[key], rtol=1e-9, atol=1e-11)


def test_two_ranks_that_are_stopped_go_on_as_one(finished, sets, run):
    env = environment() | {"OMP_NUM_THREADS": "1"}
    job = subprocess.Popen(
        f"{RANKS} --no-python {RUN} -o two".split(),
        cwd=sets,
        env=env,
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


def test_the_death_of_a_rank_ends_the_job(sets):
    env = environment() | {"OMP_NUM_THREADS": "1"}
    job = subprocess.Popen(
        f"{RANKS} --no-python {RUN.replace('1500', '150000')} -o dies".split(),
        cwd=sets,
        env=env,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = sets / "dies" / "log.jsonl"
    while job.poll() is None and not (log.exists() and '"step"' in log.read_text()):
        time.sleep(0.02)
    children = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True)
    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    assert job.wait(timeout=60) != 0


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ("--data train=1/2", 192),  # of 200, in epochs of 3 batches
        ("--data train --data test=1.5", 480),  # 400 and 90
        ("--data train=1/2 --real test --share 1/5", 192),  # 200 in 8 batches with 6 real ones each
    ],
)
def test_passes_over_the_sets_say_how_long_a_run_is(sets, run, data, count):
    options = "--batch 32 --epoch 96 --loss clean --lr 0.01"
    run(f"rm -rf passes && advtrain wrn-10-1 {data} {options} -o passes", check=True)
    header, *_, end = rows(sets / "passes/log.jsonl")
    assert end["samples"] == header["recipe"]["samples"] == count


@pytest.fixture
def measured(sets):
    """Write a copy of the training set under a name, with entries added to its history."""

    def call(name, *entries):
        index = json.loads((sets / "train.index.json").read_text())
        for shard in index["shardlist"]:
            target = shard["url"].replace("train", name, 1)
            (sets / target).write_bytes((sets / shard["url"]).read_bytes())
            shard["url"] = target
        index["history"] = [*index["history"], *entries]
        (sets / f"{name}.index.json").write_text(json.dumps(index))

    return call


FIDS = {  # entries of the history of two sets, and what the header of a run on both says
    "both": ([{"fid": 1.8}], [{"tool": "x", "fid": 1.8}], 1.8),
    "zero": ([{"fid": 0}], [{"fid": 0.0}, {"tool": "advpack"}], 0.0),
    "one": ([{"fid": 1.8}], [{"tool": "x"}], None),
    "differ": ([{"fid": 1.8}], [{"fid": 2.0}], None),
    "twice": ([{"fid": 1.8}, {"fid": 1.9}], [{"fid": 1.8}], None),
    "cut": ([{"fid": 1.8}, {"tool": "advcut"}], [{"fid": 1.8}], None),
    "measured anew": ([{"fid": 9}, {"tool": "advcut"}, {"fid": 1.8}], [{"fid": 1.8}], 1.8),
}


@pytest.mark.parametrize("case", FIDS)
def test_the_fid_is_that_of_the_sets_history(measured, sets, case):
    one, other, expected = FIDS[case]
    measured("one", *one)
    measured("other", *other)
    assert recorded_fid([open_set([str(sets / name)]) for name in ("one", "other")]) == expected


def test_a_fid_of_the_history_is_logged_and_an_option_goes_before_it(measured, sets, run):
    measured("gen", {"tool": "advfid", "version": "1", "command": "advfid gen", "fid": 1.25})
    line = "advtrain wrn-10-1 --data gen --real train --samples 64 --batch 32 --loss clean"
    run(f"{line} -o fid1 && {line} --fid 7 -o fid2", check=True)
    assert [rows(sets / f"fid{i}/log.jsonl")[0]["fid"] for i in (1, 2)] == [1.25, 7]
    for wrong in ("low", -1, True, float("nan")):
        measured("gen", {"fid": wrong})
        done = run(f"{line} -o fid3")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith("advtrain: gen: history: fid: found ")


def test_a_run_that_sees_more_than_asked_for_says_so(sets, run):
    line = "advtrain wrn-10-1 --data train --batch 32 --loss clean --lr 0.01 -o short"
    assert run(f"{line}1 --samples 64 --epoch 32").stderr == ""
    done = run(f"{line}2 --samples 64 --epoch 16")
    assert done.stderr == (
        "advtrain: note: the run sees 128 images, not 64: its 4 epochs are whole batches;"
        " see --epoch and --batch\n"
    )


WRONG = {
    f"{RUN} --beta 4 -o plain": "of another run, with beta 5.0; this one has 4.0",
    f"{RUN.replace('--samples 1500', '')} -o x": "neither --samples nor passes",
    f"{RUN.replace('--data train', '--data train=1')} -o x": "the sets give 400 images",
    f"{RUN.replace('--test test', '--test large')} -o x": "images of 12x12x3; train has 8x8",
    f"{RUN.replace('wrn-10-1', 'wrn-11-1')} -o x": "wrn-11-1",
    f"{RUN.replace('--data train', '--data nothing')} -o x": "nothing: neither a file nor a set",
    f"{RUN} --eps 8 -o x": "expected a number 0 or above and at most 1",
    f"{RUN} --evaluate 99 -o x": "the run has 5 epochs",
    f"{RUN} --real test --share 1/64 -o x": "leaves no room for real images",
    f"{RUN} --share 1/4 -o x": "--share needs --real",
    f"{RUN.replace('--test test', '')} -o x": "--evaluate needs --test",
}


@pytest.mark.parametrize("command", WRONG)
def test_bad_input_is_one_line_and_status_2(finished, run, command):
    done = run(command)
    assert done.returncode == 2, done.stderr
    assert WRONG[command] in done.stderr and done.stderr.count("\n") == 1


def test_what_cannot_be_done_is_one_line_and_status_1(finished, sets, run):
    done = run(f"{RUN} --device cuda -o x")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "no GPU" in done.stderr
    done = run(f"{RUN.replace('--lr 0.1', '--lr 1e20')} -o diverges")
    before, last = done.stderr.splitlines()
    assert done.returncode == 1 and "the loss is nan within steps 1 to" in last
    assert before.startswith("advtrain: epoch 0: test accuracy")


def test_a_damaged_state_is_said_and_left(finished, sets, run):
    run("cp -r plain cut && truncate -s 5000 cut/state.safetensors", check=True)
    done = run(f"{RUN} -o cut")
    assert done.returncode == 2 and "cut/state.safetensors: damaged or cut short" in done.stderr
    assert (sets / "cut/state.safetensors").stat().st_size == 5000
