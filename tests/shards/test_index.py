"""The index beside a set: damage in it, and where it is not of its shards."""

import json
import os

import numpy as np
import pytest
from making import (
    images,
    stream,
    write,
)
from making_problems import problems, refused

from advlib.errors import DataError
from advlib.shards.reader import open_set


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
        ({"layout": "sample", "chunk": None}, "samples"),
        ({"shape": [9, 9, 3]}, "(9, 9, 3)"),
        ({"fields": ["x"]}, "fields"),
        ({"filesize": 99999}, "99999"),
    ],
)
def test_an_index_that_is_not_of_its_shards(made, change, said):
    name, path, do = made
    do(**change)
    refused([name], str(path), said)
    assert problems(name.parent)


def test_an_index_with_wrong_counts(made):
    name, path, do = made
    counts = json.loads(path.read_text())["class_counts"]
    label = int(np.argmax(counts))
    counts[label] -= 1
    do(class_counts=counts)
    refused([name], "class_counts of 22 images; its shards have 23")
    do(images=22)
    document = json.loads(path.read_text())
    document["shardlist"][2]["images"], document["images"] = 6, 22
    path.write_text(json.dumps(document))
    refused([name], "a-000002.tar: holds 7 images", "6")
    shards = open_set([str(name)])
    with pytest.raises(DataError, match="a-000002"):
        shards.read(np.arange(len(shards)))
    text = [f"{p.file}: {p.problem}" for p in problems(name)]
    assert f"{name}-000002.tar: images 7; the index says 6" in text
    assert f"{path}: 22 images; the shards hold 23" in text


def test_class_counts_that_are_not_of_the_shards(made):
    name, path, do = made
    counts = json.loads(path.read_text())["class_counts"]
    changed = [counts[0] + 1, counts[1] - 1, *counts[2:]]
    do(class_counts=changed)
    assert [(p.file, p.problem) for p in problems(name)] == [
        (str(path), f"class_counts: {changed[i]} images of class {i}; the shards hold {counts[i]}")
        for i in (0, 1)
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": 24}, "24 images; its shards have 23"),
        ({"classes": 9}, "9 classes, but 10 class_counts"),
        ({"class_counts": [23]}, "10 classes, but 1 class_counts"),
        ({"class_counts": [24, -1, *[0] * 8]}, "class_counts"),
        ({"class_names": ["cat", "dog"]}, "2 class_names of 10 classes"),
        ({"chunk": 3}, "expected 3 samples"),
        ({"shape": [5, 3]}, "expected height, width and channels"),
        ({"url": "a-000000.tar"}, "'a-000000.tar' comes twice"),
        ({"version": 2}, "version 2; expected 1"),
    ],
    ids=str,
)
def test_an_index_that_contradicts_itself(made, change, said):
    name, path, do = made
    do(**change)
    refused([name], f"{path}: ", said)
    refused([f"{name}-000000.tar"], f"{path}: ", said)
    assert [p for p in problems(name.parent) if said in p.problem and p.file == str(path)]


def test_shards_that_changed_places(made):
    name, path, do = made
    document = json.loads(path.read_text())
    do(shardlist=document["shardlist"][::-1])
    refused([name], f"{path}: shards that are not in order")
    do(shardlist=document["shardlist"])
    os.rename(f"{name}-000000.tar", f"{name}-t")
    os.rename(f"{name}-000001.tar", f"{name}-000000.tar")
    os.rename(f"{name}-t", f"{name}-000001.tar")
    refused([name], f"a-000000.tar: begins with image 000000008; {path} says 000000000")
    refused([f"{name}-000001.tar"], f"begins with image 000000000; {path} says 000000008")
    assert any("begins with image" in p.problem for p in problems(name))


def test_labels_that_the_index_has_no_class_for(made):
    name, path, do = made
    counts = json.loads(path.read_text())["class_counts"]
    do(classes=9, class_counts=[counts[0] + counts[9], *counts[1:9]])
    refused([name], "the set has 9 classes")
    with pytest.raises(DataError, match="9 classes, so expected 0 to 8"):
        open_set([str(name)]).read(np.arange(23))
    assert sum("9 classes" in p.problem for p in problems(name)) > 1


def test_what_shards_say_of_themselves_is_what_the_index_says(tmp_path):
    names = tuple("0123456789")
    name = write(tmp_path / "a", images(9), chunk=4, shard=4, class_names=names)
    path = tmp_path / "a.index.json"
    document = json.loads(path.read_text())
    for change in (
        {"class_names": [*reversed(names)]},
        {"classes": 11, "class_counts": [*document["class_counts"], 0], "class_names": None},
    ):
        path.write_text(json.dumps(document | change))
        refused([name], f"{path}: class", "a-000000.tar has")
        assert {p.sample for p in problems(name)} == {"__advshards__"}


def test_shards_missing_or_not_listed(made):
    name, path, _ = made
    os.unlink(f"{name}-000001.tar")
    refused([name], "a-000001.tar: no such file", str(path))
    (name.parent / "a-000003.tar").write_bytes(stream(images(4)))
    refused([name.parent], "a-000003.tar: not among the shards")
    assert any("not among" in p.problem for p in problems(name.parent))
