"""Images through the installed commands: packing, cutting, listing and viewing, in pipelines."""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile

import numpy as np
import pytest
from conftest import environment
from sevenclasses import IMAGES, everything, make, rows

from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder with the set `made`, and its images and labels."""
    folder = tmp_path_factory.mktemp("packed")
    return folder, *make(folder)


@pytest.fixture
def made(packed, tmp_path, monkeypatch):
    """The set `made` in an empty folder, which is the current one; its images and labels."""
    monkeypatch.chdir(tmp_path)
    for path in packed[0].iterdir():
        shutil.copy(path, tmp_path)
    return packed[1:]


def digests(name):
    files = sorted(f for f in os.listdir() if f.startswith(name) and f.endswith(".tar"))
    return [hashlib.sha256(pathlib.Path(f).read_bytes()).hexdigest() for f in files]


def test_a_set_goes_through_both_layouts_and_pipes_unchanged(sh, made):
    sh(
        "advpack made.npz -o - | advpack - --layout sample -o - | advcut --range 0: -o - |"
        "advpack - --layout chunk --chunk 64 --shard 640 -o back",
        check=True,
    )
    for got, expected in zip(everything("back"), (*made, np.arange(IMAGES)), strict=True):
        assert np.array_equal(got, expected)
    history = [row["command"].split()[0] for row in rows(sh("advls back --history").stdout)]
    assert history == ["advpack", "advpack", "advcut", "advpack"]


def test_a_shuffled_set_has_every_image_once_and_its_seed_decides(sh, made):
    image, label = made
    for name, seed in (("one", 0), ("two", 1)):
        sh(f"advpack made.npz --shuffle --seed {seed} -o {name}", check=True)
    one, two = everything("one"), everything("two")
    for got in (one, two):
        assert sorted(got[2]) == list(range(IMAGES))
        assert np.array_equal(got[0], image[got[2]]) and np.array_equal(got[1], label[got[2]])
    assert not np.array_equal(one[2], two[2])
    assert abs(np.corrcoef(one[2], np.arange(IMAGES))[0, 1]) < 4 / np.sqrt(IMAGES)


def test_test_images_in_the_training_set_are_found_and_cut_out(sh, made):
    image, label = made
    test = np.concatenate([image[[5, 77]], 255 - image[:3], image[[5]]])
    with Writer("test", layout="sample") as writer:
        writer.write(Chunk(test, np.r_[label[[5, 77]], label[:3], 6], np.arange(6)))
    found = rows(sh("advls made test --duplicates").stdout)
    assert [(r["set"], r["key"], r["first_set"], r["first_key"]) for r in found] == [
        ("test", f"{mine:09d}", "made", f"{theirs:09d}")
        for mine, theirs in ((0, 5), (1, 77), (5, 5))
    ]
    stats = rows(sh("advls made test --stats").stdout)
    assert [(r["repeated"], r["shared"]) for r in stats] == [("0", "2"), ("1", "3")]
    sh("advls made test --duplicates | advcut test --where set=test --invert -o clean", check=True)
    assert everything("clean")[2].tolist() == [2, 3, 4]


def kill_once_it_has(command, shards):
    """Run until that many shards are whole, and kill; whether it was still running."""
    job = subprocess.Popen(["bash", "-c", f"exec {command}"], env=environment())
    whole = pathlib.Path(".killed.partial")
    while job.poll() is None and len(list(whole.glob("*.tar.json"))) < shards:
        pass
    job.send_signal(signal.SIGKILL)
    return job.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    "options", ["--chunk 50", "--chunk 50 --shuffle --seed 3", "--layout sample"]
)
def test_a_killed_pack_goes_on_and_ends_with_the_same_bytes(sh, made, options):
    command = f"advpack made.npz {options} --shard 50 -o killed"
    sh(f"{command} && mkdir whole && mv killed* whole", check=True)
    kills = 0
    for shards in (1, 4, 9, 20, 40):
        kills += kill_once_it_has(command, shards)
        assert not digests("killed") or os.path.exists("killed.index.json")
    done = sh(command, check=True)
    assert kills >= 3 and "going on after" in done.stderr
    mine = digests("killed")
    os.chdir("whole")
    assert mine == digests("killed")


def test_an_interrupt_is_one_line_and_leaves_no_set(made):
    job = subprocess.Popen(
        ["advpack", "-", "-o", "stopped"],
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with job, open("made-000000.tar", "rb") as file:
        # more than the pipe holds: this returns once the command reads, and so is at work
        job.stdin.write(file.read(250_000))
        job.stdin.flush()
        job.send_signal(signal.SIGINT)
        said = job.stderr.read().decode()
    assert (job.returncode, said.strip()) == (130, "advpack: interrupted")
    assert not [name for name in os.listdir() if "stopped" in name]


def test_a_consumer_that_leaves_early_ends_the_pipe_silently(sh, made):
    done = sh("advcut made --range 0: -o - | head -c 1000 >/dev/null; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize(
    "command",
    [
        "advpack made --chunk 10 --shuffle -o -",
        "cat made-*.tar | advcut --random 2000 -o -",
    ],
)
def test_a_consumer_that_leaves_early_leaves_no_temporary_files(sh, made, command):
    os.mkdir("scratch")
    line = f"{command} | head -c 1000 >/dev/null; echo ${{PIPESTATUS[-2]}}"
    done = sh(line, env=environment() | {"TMPDIR": "scratch"})
    assert (done.stdout, done.stderr) == ("141\n", "")
    assert os.listdir("scratch") == []


def test_a_sheet_is_drawn_through_pipes(sh, made):
    sh("advcut made --per-class 2 -o - | advview - -o - > sheet.png", check=True)
    assert pathlib.Path("sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true | advls", "<stdin>: empty; expected a tar archive"),
        ("head -c 9999 made-000000.tar | advls", "ends at byte 9999"),
        ("cat made-*.tar | advcut -o x", "nothing is selected"),
        ("true | advcut made -o x", "<stdin>: empty; expected keys"),
        ("advview made --colour-by mood -o x.png < /dev/null", "empty; expected keys"),
    ],
)
def test_bad_input_from_a_pipe_is_one_line_and_status_2_and_leaves_nothing(sh, made, command, said):
    before = sorted(os.listdir())
    done = sh(command)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_archives_are_plain_tar(sh, made):
    sh("advcut made --range 0:3 --layout sample -o three.tar", check=True)
    with tarfile.open("three.tar") as archive:
        names = archive.getnames()
    assert names == ["__advshards__"] + [f"{i:09d}.{f}" for i in range(3) for f in ("png", "cls")]
    assert sh("advls three.tar").stdout == sh("advls three.tar.index.json").stdout
