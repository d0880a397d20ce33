"""A killed attack goes on to the same shards and verdict, with any number of ranks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import environment
from jobs_of_attacks import RANKS, files, same_outcome

from advlib.attacks.job import window_size

# Square first, for what its rounds hand on to show in the images
LINE = (
    "mine:net few --attack square,apgd-ce,apgd-t --eps 0.12 --first 40 --batch 8 -o attacked"
    " --chunk 10 --layout chunk"
)
TESTS = str(Path(__file__).parents[1])
# What runs a command line in a folder; it saves after every round, and Square is short.
HEAD = """
import os, signal, sys
sys.path[:0] = [os.getcwd(), TESTS]
import torch
torch.set_num_threads(1)
from advlib.attacks import job, results, rounds, square
from advlib.jobs import store
import mine
from kills import attempt, killed_until_done
from advtools.advattack import main
from advlib.shards.writer import Writer
job.SAVE_EVERY, square.STEPS = 0.0, 300
def attack(line):
    sys.argv = ["advattack", *line.split()]
    main(sys.argv[1:], prog_name="advattack")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def after(count, call):
    "The function, which kills the process at its call number `count`."
    left = [count]
    def counted(*given, **named):
        left[0] -= 1
        if not left[0]:
            die()
        return call(*given, **named)
    return counted
"""
RANDOM = """
print(killed_until_done(lambda: attack(sys.argv[1]), 10, float(sys.argv[2]) / 10))
"""
# Kills it once at each of these, so that all are met on the way to the end.
PLACES = """
for owner, name, count in (
    (rounds, "do_round", 1), (store.Store, "write", 1), (job.Job, "_save", 3), (os, "replace", 2),
    (results, "attacked_chunk", 1), (results, "attacked_chunk", 2), (Writer, "_end_shard", 1),
    (Writer, "_end", 1), (store.Store, "remove", 1), (None, None, 0),
):
    def dying():
        if owner:
            setattr(owner, name, after(count, getattr(owner, name)))
        attack(sys.argv[1])
    status = os.waitpid(attempt(dying), 0)[1]
    assert bool(owner) == os.WIFSIGNALED(status), (name, status)
print("done")
"""
# Asks it to stop as it writes the shards, and when they are there.
WRITING = """
owner = {"attacked_chunk": results, "_end": Writer}[sys.argv[2]]
call = getattr(owner, sys.argv[2])
def asking(*given, **named):
    os.kill(os.getpid(), signal.SIGTERM)
    return call(*given, **named)
setattr(owner, sys.argv[2], asking)
attack(sys.argv[1])
"""
STOPPED = """
rounds.do_round = after(int(sys.argv[2]), rounds.do_round)
attack(sys.argv[1])
"""
# Another process has begun the same job.
HELD = """
reader, writer = os.pipe()
def hold():
    job.Job.run = lambda self, *told: (os.write(writer, b"x"), signal.pause())
    signal.alarm(60)
    attack(sys.argv[1])
other = attempt(hold)
os.read(reader, 1)
try:
    attack(sys.argv[1])
finally:
    os.kill(other, signal.SIGKILL)
"""


def python(folder, script, *arguments, status=0, ranks=False):
    (folder.parent / f"{folder.name}.py").write_text(f"TESTS = {TESTS!r}" + HEAD + script)
    done = subprocess.run(
        [sys.executable, *(RANKS.split() if ranks else ()), f"../{folder.name}.py", *arguments],
        cwd=folder,
        env=environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert status is None or done.returncode == status, done.stderr
    return done


@pytest.fixture
def place(robust, tmp_path):
    """Make an empty folder in which the command line can run."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("mine.py", "few.index.json", "few-000000.tar"):
            shutil.copy(robust / file, folder)
        return folder

    return make


@pytest.fixture(scope="module")
def whole(robust, tmp_path_factory):
    """A folder where nothing was killed, and the seconds that the attack took."""
    folder = tmp_path_factory.mktemp("whole")
    for file in ("mine.py", "few.index.json", "few-000000.tar"):
        shutil.copy(robust / file, folder)
    python(folder, "attack(sys.argv[1])", LINE)
    return folder


def seconds(folder):
    return json.loads((folder / "attacked.verdict.json").read_text())["seconds"]


def test_ten_kills_change_no_byte(whole, place):
    killed = place("killed")
    done = python(killed, RANDOM, LINE, str(seconds(whole)))
    assert done.stdout.splitlines()[-1] == "10"
    assert files(killed) == files(whole)
    document = files(whole)[1]
    assert 0.1 < document["accuracy"] < 0.7 and document["images"] == 40


def test_kills_at_every_place_change_no_byte(whole, place):
    killed = place("killed")
    done = python(killed, PLACES, LINE)
    assert done.stdout.splitlines()[-1] == "done"
    assert files(killed) == files(whole)


@pytest.mark.parametrize(("where", "status"), [("attacked_chunk", 143), ("_end", 0)])
def test_a_signal_while_the_set_is_written_leaves_none_or_all_of_it(whole, place, where, status):
    folder = place("writing")
    done = python(folder, WRITING, LINE, where, status=status)
    if status:
        assert "note: stopped; its work is kept beside attacked" in done.stderr
        assert not list(folder.glob("attacked*"))
        python(folder, "attack(sys.argv[1])", LINE)
    assert files(folder) == files(whole)


def test_two_ranks_are_one(whole, place):
    both = place("both")
    done = python(both, "attack(sys.argv[1])", LINE, ranks=True)
    same_outcome(both, whole)
    assert not (both / ".attacked.attack").exists()
    assert done.stdout.count('"format": "advattack"') == 1


def test_a_job_of_two_ranks_goes_on_with_one(whole, place):
    both = place("both")
    python(both, STOPPED, LINE, "9", ranks=True, status=1)
    left = [path.name for path in (both / ".attacked.attack").iterdir()]
    assert any(name.startswith("under-way") for name in left), left
    python(both, "attack(sys.argv[1])", LINE)
    same_outcome(both, whole)


def test_a_job_of_one_rank_goes_on_with_two_and_another_batch(whole, place):
    one = place("one")
    python(one, STOPPED, LINE, "32", status=-9)
    left = [path.name for path in (one / ".attacked.attack").iterdir()]
    assert "window-000000.safetensors" in left and "under-way-000001.safetensors" in left
    python(one, "attack(sys.argv[1])", LINE.replace("--batch 8", "--batch 13"), ranks=True)
    same_outcome(one, whole)


@pytest.fixture(scope="module")
def stopped(robust, tmp_path_factory):
    """A folder with a job that was killed under way."""
    folder = tmp_path_factory.mktemp("stopped")
    for file in ("mine.py", "few.index.json", "few-000000.tar"):
        shutil.copy(robust / file, folder)
    python(folder, STOPPED, LINE, "5", status=-9)
    return folder


def refused(folder, line):
    done = python(folder, "attack(sys.argv[1])", line, status=2)
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_the_folder_of_another_job_is_refused(stopped):
    said = refused(stopped, f"{LINE} --seed 3")
    assert ".attacked.attack: of another attack, with seed 0; this one has 3: remove it" in said
    said = refused(stopped, LINE.replace("0.12", "8/255"))
    assert "with eps 0.12; this one has 0.031" in said
    said = refused(stopped, LINE.replace("--first 40", ""))
    assert "with images 40; this one has 60" in said


@pytest.mark.parametrize("keep", [0, 100, -50])
def test_a_damaged_file_is_one_line(stopped, keep):
    (path,) = (stopped / ".attacked.attack").glob("under-way-*")
    content = path.read_bytes()
    try:
        path.write_bytes(content[:keep])
        said = refused(stopped, LINE)
        assert f"{path.name}: damaged or cut short: " in said and "remove it" in said
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("count", "batch", "ranks", "window"),
    [
        (1000, 256, 8, 125),
        (10_000, 256, 64, 157),
        (10_000, 256, 8, 625),
        (60, 256, 1, 60),
        (10_000, 256, 1, 1024),
        (40, 8, 2, 10),
        (5, 8, 8, 1),
    ],
)
def test_windows_leave_no_rank_without_work(count, batch, ranks, window):
    assert window_size(count, batch, ranks) == window
    assert -(-count // window) >= min(ranks, count)


def test_one_process_at_a_time_is_at_a_job_and_a_killed_one_is_not_waited_for(place):
    folder = place("held")
    python(folder, STOPPED, LINE, "5", status=-9)
    done = python(folder, HELD, LINE, status=1)
    assert "advattack: .attacked.attack: another process is at work in it\n" in done.stderr
    python(folder, "attack(sys.argv[1])", LINE)
    assert not (folder / ".attacked.attack").exists()


def test_a_finished_job_is_not_done_again(whole, tmp_path):
    before = {path.name: path.stat().st_mtime_ns for path in whole.iterdir()}
    done = python(whole, "attack(sys.argv[1])", LINE)
    assert done.stderr.endswith("note: attacked.verdict.json says that this is done\n")
    after = {path.name: path.stat().st_mtime_ns for path in whole.iterdir()}
    assert before == after  # also no folder is left
    assert json.loads(done.stdout) == json.loads((whole / "attacked.verdict.json").read_text())
