"""Members that say two things of one sample: refused, whichever of them might be right."""

import io
import json

import pytest
from making import chunk_members, images, npy, png, refused, sample_members, tar

from advlib.shards.stream import ShardStream

PICTURE = png(images(1).image[0])


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"jpg": PICTURE}, "png and jpg both say image"),
        ({"npy": npy(images(1).image[0])}, "png and npy both say image"),
        ({"webp": PICTURE, "png": None, "bmp": PICTURE}, "webp and bmp both say image"),
        ({"json": b'{"label":7}'}, "label 1 in cls, 7 in json"),
        ({"json": b'{"label":1.5}'}, "label 1 in cls, 1.5 in json"),
        ({"json": b'{"x":1,"x":2}'}, "'x' comes twice"),
        ({"json": b'{"x":1}', "x__npy": npy([1, 2])}, "x.npy and json both say x"),
        ({"adv__png": PICTURE, "adversarial__npy": npy([1.0])}, "both say adversarial"),
        ({"json": b'{"adversarial":1}', "adv__png": PICTURE}, "both say adversarial"),
    ],
    ids=str,
)
def test_a_sample_that_contradicts_itself(tmp_path, members, said):
    (tmp_path / "a.tar").write_bytes(tar(sample_members("k", **members)))
    refused(tmp_path / "a.tar", "k", said)


@pytest.mark.parametrize("about", [b'{"label":1}', b'{"label":1.0}', b'{"label":"dog"}'])
def test_a_label_that_is_said_twice_alike_or_in_words_is_read(about):
    archive = tar(sample_members("k", json=about))
    chunks = [*ShardStream(io.BytesIO(archive), "-").chunks()]
    assert chunks[0].label.tolist() == [1]


@pytest.mark.parametrize("label", [b"1_0", "１".encode(), b"+1", b"1.0", b"", b"1 1"])
def test_a_label_in_other_digits(tmp_path, label):
    (tmp_path / "a.tar").write_bytes(tar(sample_members("k", label)))
    refused(tmp_path / "a.tar", "cls", "expected an integer")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"json": b'{"first":0,"n":3,"fields":{"x":["a","b","c"]}}', "x__npy": npy([1, 2, 3])},
            "x.npy and json both say x",
        ),
        ({"json": json.dumps({"first": 0, "n": 4}).encode()}, "n 4; label.npy has 3"),
        ({"json": b'{"first":0,"first":0,"n":3}'}, "'first' comes twice"),
    ],
    ids=["field", "n", "name"],
)
def test_a_chunk_that_contradicts_itself(tmp_path, changes, said):
    (tmp_path / "a.tar").write_bytes(tar(chunk_members(**changes)))
    refused(tmp_path / "a.tar", "000000000", said)
