"""Images through the installed commands: packing, cutting, listing and viewing, in pipelines."""

import csv
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import tarfile
import time

import numpy as np
import pytest
from conftest import environment

from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

IMAGES = 2750


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A sorted set `made` of seven classes, and the arrays in it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (IMAGES, 8, 8, 3), dtype=np.uint8)
    label = np.sort(rng.integers(0, 7, IMAGES))
    np.savez("made.npz", image=image, label=label)
    with Writer("made", chunk=100, shard=500) as writer:
        writer.write(Chunk(image, label, np.arange(IMAGES)))
    return image, label


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def everything(name):
    chunk = open_set([name]).read(np.arange(len(open_set([name]))))
    return chunk.image, chunk.label, chunk.key


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


def test_a_stratified_draw_and_its_inverse_split_a_set(sh, made):
    _, label = made
    for name, invert in (("tenth", ""), ("rest", "--invert")):
        sh(f"advcut made --random 10% --stratified {invert} -o {name}", check=True)
    tenth, rest = everything("tenth"), everything("rest")
    assert sorted([*tenth[2], *rest[2]]) == list(range(IMAGES))
    expected = np.bincount(label) / 10
    assert np.abs(np.bincount(tenth[1]) - expected).max() < 1
    assert len(tenth[2]) == IMAGES // 10
    sh("advcut - --random 10% --stratified -o again < <(cat made-*.tar)", check=True)
    assert np.array_equal(everything("again")[2], tenth[2])  # from a pipe as from files


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ("--range 10:1010", lambda n, y: n[10:1010]),
        ("--class 2,5", lambda n, y: n[(y == 2) | (y == 5)]),
        ("--per-class 3", lambda n, y: np.sort([i for c in range(7) for i in n[y == c][:3]])),
        ("--where 'label>=5' --invert", lambda n, y: n[y < 5]),
        ("--where 'number<100' --class 0 --invert", lambda n, y: n[~((n < 100) & (y == 0))]),
        (
            "--range 100: --per-class 1",
            lambda n, y: np.sort([n[(y == c) & (n >= 100)][0] for c in range(7)]),
        ),
    ],
)
def test_cuts_hold_what_was_asked_for_from_files_and_from_a_pipe(sh, made, options, chosen):
    numbers = chosen(np.arange(IMAGES), made[1])
    sh(f"advcut made {options} -o cut && cat made-*.tar | advcut {options} -o piped", check=True)
    for name in ("cut", "piped"):
        image, _, key = everything(name)
        assert np.array_equal(key, numbers) and np.array_equal(image, made[0][numbers])


def test_a_table_of_keys_joins_by_key_and_an_inverse_keeps_what_it_does_not_name(sh, made):
    verdicts = "image,valid\n" + "".join(f"{i:09d},{str(i % 3 == 0).lower()}\n" for i in range(30))
    sh("advcut made --where valid=false -o invalid", input=verdicts, check=True)
    sh("advcut made --where valid=false --invert -o valid", input=verdicts, check=True)
    invalid = [i for i in range(30) if i % 3]
    assert everything("invalid")[2].tolist() == invalid
    assert everything("valid")[2].tolist() == [i for i in range(IMAGES) if i not in invalid]


def test_keys_that_are_not_in_the_set_are_said(sh, made):
    done = sh("advcut made -o two", input="000000004\n9\n17000\n")  # zeros may have been lost
    assert done.returncode == 0 and everything("two")[2].tolist() == [4, 9]
    assert "1 of 3 keys are not in made; the first is '17000'" in done.stderr


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


def test_statistics_are_numpys(sh, made):
    row = json.loads(sh("advls made --stats --format json").stdout)["rows"][0]
    flat = made[0].reshape(-1, 3) / 255
    means = [row[f"mean_{i}"] for i in range(3)]
    assert np.allclose(means, flat.mean(0)) and row["class_counts"] == np.bincount(made[1]).tolist()
    assert np.allclose([row[f"deviation_{i}"] for i in range(3)], flat.std(0))


def test_damage_is_found_named_and_counted(sh, made):
    with open("made-000002.tar", "r+b") as file:
        file.seek(60_000)
        file.write(b"\xff" * 7)
    done = sh("advls made --verify")
    assert done.returncode == 2
    assert [row["file"] for row in rows(done.stdout)] == ["made-000002.tar"]
    assert "sha256" in done.stdout and done.stderr.startswith("advls: found 1 wrong; the first: ")


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


def test_an_interrupt_is_one_line_and_leaves_no_set(sh, made):
    job = subprocess.Popen(
        ["advpack", "-", "-o", "stopped"],
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    job.send_signal(signal.SIGINT)
    _, said = job.communicate()
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


def test_sheets_are_drawn_through_pipes_and_by_category(sh, made):
    verdicts = "key,category\n000000001,valid\n000000002,ambiguous\n000000500,deceptive\n"
    sh("advview made --colour-by category -o sheet.pdf", input=verdicts, check=True)
    sh("advcut made --per-class 2 -o - | advview - -o - > sheet.png", check=True)
    done = sh("advview made --first 5 -o sheet.svg")
    assert pathlib.Path("sheet.pdf").read_bytes().startswith(b"%PDF-")
    assert pathlib.Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    svg = pathlib.Path("sheet.svg").read_text()
    assert all(key in svg for key in ("000000000", "000000004"))
    assert "showing the first 5 images" in done.stderr
    done = sh("advcut made --per-class 1 -o - | advview --colour-by label -o sheet.png", check=True)
    assert "note: 7 categories share 5 colours" in done.stderr


WRONG = {
    "advpack nothing -o x": "nothing: no such file or data set; expected one of cifar10",
    "advpack made.npz --split test -o x": "no split 'test'",
    "advpack digits --split extra -o x": "no split 'extra'",
    "advpack digits": "Missing option '-o'",
    "advpack digits -o nowhere/x": "nowhere: no such folder to write into",
    "advpack digits -o .": "expected the name of a set",
    "advpack digits -o 'x-{0..9}.tar'": "expected the name of a set",
    "advpack digits --chunk 300 --shard 1000 -o x": "no multiple of 300 images a chunk",
    "advpack made.npz --classes 3 -o x": "the set has 3 classes",
    "advpack made.npz --class-names a,b,a -o x": "expected different names separated by commas",
    "advpack made.npz --classes 9999999999 -o x": "9999999999 is not in the range 1<=x<=1048576",
    "advpack made.npz digits -o x": "found 2 sources; expected one",
    "advpack made-000000.tar made -o x": "named twice",
    "advpack 'pipe:cat made-000000.tar' -o x": "names that run commands",
    "advls 'pipe:touch run'": "names that run commands",
    "advls nothing": "neither a file nor a set with an index",
    "advls 'made-{000000..000009}.tar'": "made-000006.tar: no such file",
    "advls made.npz": "not a tar archive",
    "advls empty": "no .tar files in this folder",
    "true | advls": "<stdin>: empty; expected a tar archive",
    "head -c 9999 made-000000.tar | advls": "ends at byte 9999",
    "advcut made --class 9 -o x": "no class '9'",
    "advcut made --class 1,cat -o x": "no class 'cat'",
    "advcut made --class '' -o x": "no class ''",
    "echo 7000 | advcut made -o x": "no image is selected; none has a key of <stdin>, as '7000'",
    "advcut made --range 5 -o x": "expected FIRST:LAST",
    "advcut made --range 9:5 -o x": "no image is selected",
    "advcut made --random 3000 -o x": "a random 3000 of 2750 images",
    "advcut made --random 120% -o x": "expected a number of images or a share",
    "advcut made --stratified -o x": "--stratified: goes with --random, which is missing",
    "cat made-*.tar | advcut -o x": "nothing is selected",
    "advcut made --where 'label<cat' -o x": "column 'label' holds numbers",
    "echo 000000001 | advcut made --where valid=false -o x": "no column 'valid'",
    "printf 'a,b\\n1,2\\n' | advcut made -o x": "no column key or image among a, b",
    "printf 'key,b\\n1,2,3\\n' | advcut made -o x": "<stdin>:2: 3 cells; expected 2",
    "true | advcut made -o x": "<stdin>: empty; expected keys",
    "advview made -o x.jpg": "expected a name that ends in .pdf, .png or .svg",
    "advview made --colour-by mood -o x.png < /dev/null": "empty; expected keys",
}


@pytest.mark.parametrize("command", WRONG)
def test_bad_input_is_one_line_and_status_2_and_leaves_nothing(sh, made, command):
    os.mkdir("empty")
    before = sorted(os.listdir())
    done = sh(command)
    assert done.returncode == 2, done.stderr
    assert WRONG[command] in done.stderr and done.stderr.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_at_a_terminal_no_keys_are_waited_for(sh, made):
    parent, terminal = os.openpty()
    try:
        done = sh("advcut made -o x", stdin=terminal, timeout=60)
    finally:
        os.close(terminal)
        os.close(parent)
    assert (done.returncode, done.stderr) == (2, "advcut: nothing is selected; see --help\n")


def test_archives_are_plain_tar(sh, made):
    sh("advcut made --range 0:3 --layout sample -o three.tar", check=True)
    with tarfile.open("three.tar") as archive:
        names = archive.getnames()
    assert names == ["__advshards__"] + [f"{i:09d}.{f}" for i in range(3) for f in ("png", "cls")]
    assert sh("advls three.tar").stdout == sh("advls three.tar.index.json").stdout
