"""advls, the command: what sets hold, what is wrong with them, and what it refuses."""

import itertools
import json
import shutil

import numpy as np
import pytest
from commands import inside
from sevenclasses import make, refused, rows

from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the set, its images and its labels."""
    folder = tmp_path_factory.mktemp("advls")
    (folder / "empty").mkdir()
    return folder, *make(folder)


@pytest.fixture
def run(made):
    with inside(made[0]) as run:
        yield run


def test_a_row_says_what_a_set_holds(run, made):
    (row,) = rows(run("advls made").stdout)
    size = sum(path.stat().st_size for path in made[0].glob("made-*.tar"))
    assert row == {
        "set": "made",
        "layout": "chunk",
        "images": "2750",
        "shards": "6",
        "shape": "8x8x3",
        "classes": "7",
        "fields": "",
        "bytes": str(size),
    }
    assert run("advls made.index.json").stdout == run("advls made").stdout


def test_statistics_are_numpys(run, made):
    row = json.loads(run("advls made --stats --format json").stdout)["rows"][0]
    flat = made[1].reshape(-1, 3) / 255
    means = [row[f"mean_{i}"] for i in range(3)]
    assert np.allclose(means, flat.mean(0)) and row["class_counts"] == np.bincount(made[2]).tolist()
    assert np.allclose([row[f"deviation_{i}"] for i in range(3)], flat.std(0))


def test_images_that_two_sets_share_are_listed_and_counted(run, made):
    folder, image, label = made
    shared = np.concatenate([image[[5, 77]], 255 - image[:3], image[[5]]])
    with Writer(str(folder / "test"), layout="sample") as writer:
        writer.write(Chunk(shared, np.r_[label[[5, 77]], label[:3], 6], np.arange(6)))
    found = rows(run("advls made test --duplicates").stdout)
    assert [(r["set"], r["key"], r["first_set"], r["first_key"]) for r in found] == [
        ("test", f"{mine:09d}", "made", f"{theirs:09d}")
        for mine, theirs in ((0, 5), (1, 77), (5, 5))
    ]
    stats = rows(run("advls made test --stats").stdout)
    assert [(r["repeated"], r["shared"]) for r in stats] == [("0", "2"), ("1", "3")]


def test_damage_is_found_named_and_counted(run, made):
    folder = made[0] / "damaged"
    folder.mkdir()
    for path in made[0].glob("made[-.]*"):
        shutil.copy(path, folder)
    with open(folder / "made-000002.tar", "r+b") as file:
        file.seek(60_000)
        file.write(b"\xff" * 7)
    done = run("advls damaged/made --verify", status=2)
    assert [row["file"] for row in rows(done.stdout)] == ["damaged/made-000002.tar"]
    assert "sha256" in done.stdout and done.stderr.startswith("advls: found 1 wrong; the first: ")


def test_nothing_wrong_is_a_header_alone_from_files_and_from_standard_input(run, made):
    assert run("advls made --verify").stdout == "file,sample,problem\n"
    data = (made[0] / "made-000000.tar").read_bytes()
    assert run("advls --verify", input=data).stdout == "file,sample,problem\n"


MODES = ("--verify", "--stats", "--duplicates", "--history")


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(MODES, 2)))
def test_one_mode_excludes_the_others(run, made, one, other):
    refused(run, f"advls made {other} {one}", f"{one}: does not go with {other}", made[0])


WRONG = {
    "advls 'pipe:touch run'": "names that run commands",
    "advls nothing": "neither a file nor a set with an index",
    "advls 'made-{000000..000009}.tar'": "made-000006.tar: no such file",
    "advls made.npz": "a zip archive; expected an uncompressed tar archive",
    "advls empty": "no .tar files in this folder",
    "advls": "<stdin>: empty; expected a tar archive",
    "advls --duplicates": "--duplicates: needs sets in files, not standard input",
    "advls - --duplicates": "--duplicates: needs sets in files, not standard input",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line(run, made, line):
    refused(run, line, WRONG[line], made[0], input=b"")


def test_a_set_that_is_cut_short_is_said_to_end_where_it_does(run, made):
    data = (made[0] / "made-000000.tar").read_bytes()[:9999]
    refused(run, "advls", "ends at byte 9999", made[0], input=data)
