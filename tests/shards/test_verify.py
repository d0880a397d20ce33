"""Names of sets, their index, and verify: what is wrong is said, all of it, and where."""

import json
import os

import numpy as np
import pytest
from making import (
    Pipe,
    attacked,
    chunk_members,
    everything,
    images,
    npy,
    sample_members,
    stream,
    tar,
    write,
)

from advlib.errors import DataError
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets
from advlib.shards.verify import verify, verify_stream


def problems(name):
    return [p for files in find_sets([str(name)]) for p in verify(files)]


def refused(specs, *said):
    with pytest.raises(DataError) as raised:
        list(open_set([str(spec) for spec in specs]).chunks())
    text = str(raised.value)
    assert "\n" not in text and all(words in text for words in said), text


# Names


@pytest.mark.parametrize(
    "name",
    [
        "pipe:cat a.tar",
        "pipe:touch ran",
        "http://example.org/a.tar",
        "s3://b/a.tar",
        "file:a.tar",
        "PIPE:x",
        "gs:x",
    ],
)
def test_names_that_run_commands_or_reach_the_network_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write("a.tar", images(3))
    refused([name], repr(name), "run commands")
    refused(["a.tar", name], repr(name))
    with pytest.raises(DataError):
        find_sets([f"{{a.tar,{name}}}"])
    assert sorted(os.listdir()) == ["a.tar", "a.tar.index.json"]


def test_what_is_not_there(tmp_path):
    write(tmp_path / "a", images(9), chunk=2, shard=4)
    refused([tmp_path / "none.tar"], "none.tar: no such file")
    refused([tmp_path / "none"], "none: neither a file nor a set")
    refused([tmp_path / "a-{000000..000003}.tar"], "a-000003.tar: no such file")
    refused([tmp_path / "a-{000000..000003.tar"], "braces do not match")
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], "no .tar files in this folder")


def test_a_folder_of_several_sets_asks_for_one(tmp_path):
    write(tmp_path / "a", images(3))
    write(tmp_path / "b.tar", images(3))
    refused([tmp_path], "several sets (a, b.tar); name one")
    assert [os.path.basename(s.name) for s in find_sets([str(tmp_path)])] == ["a", "b.tar"]


@pytest.mark.parametrize(
    ("other", "said"),
    [({"shape": (9, 9, 3)}, "shape (9, 9, 3)"), ({"extra": [1, 2, 3]}, "fields ('extra',)")],
)
def test_sets_that_do_not_go_together(tmp_path, other, said):
    write(tmp_path / "a", images(3))
    write(tmp_path / "b", images(3, **other))
    refused([tmp_path / "a", tmp_path / "b"], "b-000000.tar", said)
    write(tmp_path / "c", images(3), "sample")
    assert len(open_set([str(tmp_path / "a"), str(tmp_path / "c")])) == 6  # layouts may differ
    write(tmp_path / "d", images(3, classes=2), class_names=["a", "b"])
    write(tmp_path / "e", images(3, classes=2), class_names=["b", "a"])
    refused([tmp_path / "d", tmp_path / "e"], "class_names ('b', 'a')")


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@pytest.mark.parametrize("other", [{"shape": (9, 9, 3)}, {"extra": [1.5] * 4}])
def test_shards_of_one_set_that_do_not_go_together(tmp_path, layout, other):
    (tmp_path / "a-000000.tar").write_bytes(stream(images(4), layout))
    (tmp_path / "a-000001.tar").write_bytes(stream(images(4, 1, **other), layout))
    (found,) = problems(tmp_path)[:1]
    assert found.file.endswith("a-000001.tar")
    refused([tmp_path], "a-000001.tar: ", "9x9x3" if "shape" in other else "extra")
    with pytest.raises(DataError, match=r"a-000001\.tar: "):
        open_set([str(tmp_path)]).read(np.arange(8))


def test_shards_of_both_layouts_in_one_set(tmp_path):
    for order in (("chunk", "sample"), ("sample", "chunk")):
        for i, layout in enumerate(order):
            (tmp_path / f"a-00000{i}.tar").write_bytes(stream(images(4), layout))
        refused([tmp_path], "a-000001.tar: ")
        assert problems(tmp_path)[0].file.endswith("a-000001.tar")


# The index


@pytest.fixture
def made(tmp_path):
    """A set of three shards, and what changes its index."""
    write(tmp_path / "a", images(23), chunk=4, shard=8)
    path = tmp_path / "a.index.json"

    def change(**changes):
        document = json.loads(path.read_text())
        for name, value in changes.items():
            if name in document:
                document[name] = value
            else:
                document["shardlist"][1][name] = value
        path.write_text(json.dumps(document))

    return tmp_path / "a", path, change


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"format":"advshards"}',
        '{"format":"advshards","version":1}',
        "\xff",
        "[" * 200_000,
        '{"format":"advshards","version":1,"shape":[Infinity]}',
    ],
    ids=lambda text: text[:40],
)
def test_an_index_that_is_none(made, text):
    name, path, _ = made
    path.write_bytes(text.encode("latin-1"))
    refused([name], f"{path}: ")
    refused([f"{name}-{{000000..000002}}.tar"], f"{path}: ")
    found = problems(name.parent)
    assert [p.file for p in found] == [str(path)] and found[0].problem


@pytest.mark.parametrize(
    "change",
    [
        {"layout": "other"},
        {"layout": None},
        {"shape": 5},
        {"shape": ["x"]},
        {"classes": None},
        {"classes": 1e400},
        {"class_names": 5},
        {"class_counts": None},
        {"fields": 5},
        {"chunk": "x"},
        {"chunk": 0},
        {"chunk": -1},
        {"shardlist": 5},
        {"shardlist": [5]},
        {"shardlist": []},
        {"shardlist": [{}]},
        {"history": None},
        {"images": 10**15},
        {"images": -1},
        {"nsamples": None},
        {"filesize": "x"},
        {"url": "../a-000001.tar"},
        {"url": "/etc/passwd"},
        {"url": ""},
        {"url": "a"},
    ],
    ids=str,
)
def test_an_index_with_damage(made, change):
    name, path, do = made
    if "images" in change:  # of a shard: the set's is not read
        document = json.loads(path.read_text())
        document["shardlist"][1]["images"] = change["images"]
        path.write_text(json.dumps(document))
    else:
        do(**change)
    refused([name], f"{path}: ")
    assert problems(name.parent)[0].file == str(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layout": "sample"}, "layout"),
        ({"shape": [9, 9, 3]}, "(9, 9, 3)"),
        ({"fields": ["x"]}, "fields"),
        ({"filesize": 99999}, "99999"),
    ],
)
def test_an_index_that_is_not_of_its_shards(made, change, said):
    name, path, do = made
    do(**change)
    refused([name], str(path), said)
    assert problems(name)


def test_an_index_with_wrong_counts(made):
    name, path, _ = made
    document = json.loads(path.read_text())
    document["shardlist"][1]["images"] = 7
    path.write_text(json.dumps(document))
    refused([name], "a-000001.tar: holds 8 images", "7")
    shards = open_set([str(name)])
    with pytest.raises(DataError, match="a-000001"):
        shards.read(np.arange(len(shards)))
    text = [f"{p.file}: {p.problem}" for p in problems(name)]
    assert f"{name}-000001.tar: images 8; the index says 7" in text
    assert f"{path}: 22 images; the shards hold 23" in text


def test_labels_that_the_index_has_no_class_for(made):
    name, _, do = made
    do(classes=9)
    refused([name], "the set has 9 classes")
    with pytest.raises(DataError, match="9 classes, so expected 0 to 8"):
        open_set([str(name)]).read(np.arange(23))
    assert sum("9 classes" in p.problem for p in problems(name)) > 1


def test_shards_missing_or_not_listed(made):
    name, path, _ = made
    os.unlink(f"{name}-000001.tar")
    refused([name], "a-000001.tar: no such file", str(path))
    (name.parent / "a-000003.tar").write_bytes(stream(images(4)))
    refused([name.parent], "a-000003.tar: not among the shards")
    assert any("not among" in p.problem for p in problems(name.parent))


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_any_flipped_byte_is_found_by_the_checksum(tmp_path, layout):
    write(tmp_path / "a", attacked(9), layout, chunk=4, shard=4)
    assert problems(tmp_path / "a") == []
    path = tmp_path / "a-000001.tar"
    whole = path.read_bytes()
    for at in range(0, len(whole), 197):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        found = problems(tmp_path / "a")
        assert found and {p.file for p in found} <= {str(path), f"{tmp_path}/a.index.json"}
        assert any(p.problem.startswith("sha256 ") for p in found)


# Verify


def test_verify_lists_every_broken_chunk_of_a_shard(tmp_path):
    parts = [
        chunk_members(),
        chunk_members(key="000000003", label__npy=npy([1, -1, 2])),
        chunk_members(key="000000006"),
        chunk_members(key="000000009", image__npy=b"junk"),
        chunk_members(key="000000012", json=b"{"),
        chunk_members(key="000000015", image__npy=npy(np.zeros((3, 9, 9, 3), np.uint8))),
        chunk_members(key="000000018", extra__npy=npy([1, 2, 3])),
        chunk_members(key="000000021"),
    ]
    archive = tar([member for part in parts for member in part])
    (tmp_path / "a.tar").write_bytes(archive)
    for found in (problems(tmp_path / "a.tar"), list(verify_stream(Pipe(archive), "-"))):
        assert [p.sample for p in found] == [f"{i:09d}" for i in (3, 9, 12, 15, 18)]
        for problem, words in zip(
            found, ["label -1", "not an array", "not JSON", "9x9x3", "extra"], strict=True
        ):
            assert words in problem.problem


def test_verify_lists_every_broken_sample_and_what_ends_the_shard(tmp_path):
    parts = [
        sample_members("a"),
        sample_members("b", b"x"),
        sample_members("c", png=b"x"),
        sample_members("d"),
        sample_members("e", label=None),
        sample_members("f"),
    ]
    archive = tar([member for part in parts for member in part])
    (tmp_path / "a.tar").write_bytes(archive[:-10240])
    found = problems(tmp_path / "a.tar")
    assert [p.sample for p in found][:3] == ["b", "c", "e"]
    assert len(found) == 4 and "ends at byte" in found[3].problem


def test_verify_finds_misplaced_chunks_and_goes_on_after_a_broken_one(tmp_path):
    name = write(tmp_path / "a", images(12), chunk=2, shard=12)
    broken = [
        chunk_members(2, "000000000"),
        chunk_members(2, "000000002", image__npy=b""),
        chunk_members(2, "000000004"),
        chunk_members(2, "000000005"),
    ]
    (tmp_path / "a-000000.tar").write_bytes(tar([m for part in broken for m in part]))
    found = [(p.sample, p.problem) for p in problems(name) if p.sample]
    assert [sample for sample, _ in found] == ["000000002", "000000005"]
    assert "asks for key 000000006" in found[1][1]


def test_verify_finds_keys_that_come_twice_anywhere_in_a_set(tmp_path):
    key = np.arange(23)
    key[19] = 2
    name = write(tmp_path / "a", images(23, key=key), chunk=4, shard=8)
    (found,) = problems(name)
    assert "image 19 has the key of image 2" in found.problem


def test_a_whole_set_has_no_problems_and_reads_back(made):
    assert problems(made[0]) == [] and len(everything(made[0])) == 23
