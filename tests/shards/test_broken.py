"""Broken images: one line that says which file and where, and nothing run, whatever is there."""

import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from making import Pipe, chunk_members, npy, png, refused, sample_members, tar
from PIL import Image

from advlib.errors import DataError
from advlib.shards import tar as tar_module
from advlib.shards.stream import ShardStream


class Bomb:
    """What creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def bomb(path):
    """A pickle, and an array of objects: both would create the file."""
    return pickle.dumps(Bomb(path)), npy(np.array([Bomb(path)] * 3, object), allow_pickle=True)


GOOD = chunk_members(key="000000003")
FLOATS = npy(np.zeros((3, 4, 5, 3), np.float32))
HUGE = b"{'descr': '|u1', 'fortran_order': False, 'shape': (0, %d)}" % 10**60
HUGE = b"\x93NUMPY\x01\x00\x76\x00" + HUGE.ljust(117) + b"\n"
CHUNKS = {  # what of a chunk is wrong: its members, and what is said beside file and key
    "float images": (chunk_members(image__npy=FLOATS), "images are float32", "expected uint8"),
    "flat images": (chunk_members(image__npy=npy(np.zeros((3, 9), np.uint8))), "shape (3, 9)"),
    "no pixels": (chunk_members(image__npy=npy(np.zeros((3, 0, 5, 3), np.uint8))), "(3, 0, 5, 3)"),
    "no images": (chunk_members(0), "no images"),
    "float labels": (chunk_members(label__npy=npy(np.zeros(3))), "label.npy: float64"),
    "a table of labels": (chunk_members(label__npy=npy([[1, 2, 3]])), "label.npy", "(1, 3)"),
    "negative labels": (chunk_members(label__npy=npy([0, -1, 2])), "label -1 of image 000000001"),
    "wild labels": (chunk_members(label__npy=npy([0, 1 << 60, 2])), "label 1152921504606846976"),
    "labels past int64": (chunk_members(label__npy=npy(np.uint64([2**64 - 1] * 3))), "label"),
    "too few images": (chunk_members(label__npy=npy([0, 1])), "3 values of 'image' for 2 labels"),
    "no image": (chunk_members(image__npy=None, cls=b"1"), "no image"),
    "Fortran order": (chunk_members(image__npy=npy(np.zeros((3, 4, 5, 3), "u1", "F"))), "Fortran"),
    "no .npy": (chunk_members(image__npy=b"\x89PNG"), "image.npy: not an array"),
    "an empty .npy": (chunk_members(image__npy=b""), "image.npy: not an array"),
    "a short .npy": (chunk_members(label__npy=npy([1, 2, 3])[:-1]), "label.npy: 23 bytes"),
    "a long .npy": (chunk_members(label__npy=npy([1, 2, 3]) + b"1"), "25 bytes", "expected 24"),
    "a .npy of no end": (chunk_members(image__npy=HUGE), "image.npy: "),
    "a field of another length": (chunk_members(loss__npy=npy([1.0])), "1 values of 'loss' for 3"),
    "a field without length": (chunk_members(loss__npy=npy(1.0)), "no values of 'loss'"),
    "no JSON": (chunk_members(json=b"{"), "json: not JSON"),
    "JSON of great depth": (chunk_members(json=b"[" * 200_000), "json: not JSON"),
    "a list for JSON": (chunk_members(json=b"[1]"), "json: found list; expected an object"),
    "JSON in bytes of no text": (chunk_members(json=b'{"a":"\xff"}'), "json: not JSON"),
    "too few keys": (chunk_members(json=b'{"keys":[1]}'), "1 values of 'key' for 3 labels"),
    "a number for fields": (chunk_members(json=b'{"fields":7}'), "json: fields"),
    "a number for a field": (chunk_members(json=b'{"fields":{"a":7}}'), "json: fields"),
    "a text for keys": (chunk_members(json=b'{"keys":"abc"}'), "json: keys"),
    "nothing for keys": (chunk_members(json=b'{"keys":null}'), "json: keys"),
    "lists for keys": (chunk_members(json=b'{"keys":[[],[],[]]}'), "json: keys"),
    "a key past int64": (chunk_members(json=b'{"keys":%d}' % 2**64), "json: keys"),
    "keys past int64": (chunk_members(json=b'{"keys":[1,2,%d]}' % 2**64), "json: keys"),
    "a fraction for first": (chunk_members(json=b'{"first":0.5}'), "json: keys"),
    "texts in .npy": (chunk_members(who__npy=npy(["a", "b", "c"])), "who.npy: <U1"),
    "times in .npy": (chunk_members(at__npy=npy(np.zeros(3, "M8[s]"))), "at.npy: datetime64"),
}


@pytest.mark.parametrize("what", CHUNKS)
def test_a_broken_chunk(tmp_path, what):
    members, *said = CHUNKS[what]
    (tmp_path / "a.tar").write_bytes(tar(members))
    refused(tmp_path / "a.tar", "000000000", *said)


@pytest.mark.parametrize("what", [what for what in CHUNKS if what != "no image"])
def test_a_broken_chunk_after_a_good_one(tmp_path, what):
    members, *said = CHUNKS[what]
    (tmp_path / "a.tar").write_bytes(tar(GOOD + members))
    refused(tmp_path / "a.tar", "000000000", *said)


DEEP = np.zeros((4, 5), np.uint16)
CRC = bytearray(png(np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)))
CRC[60] ^= 4  # within the pixels
EPS = io.BytesIO()
Image.new("L", (5, 4)).save(EPS, "EPS")
SAMPLES = {
    "no image": (sample_members("k", png=None), "no image"),
    "no label": (sample_members("k", label=None), "no label"),
    "an empty label": (sample_members("k", b""), "cls: found b''; expected an integer"),
    "a label of words": (sample_members("k", b"cat"), "cls: found b'cat'"),
    "a float label": (sample_members("k", b"1.0"), "cls: found b'1.0'"),
    "a negative label": (sample_members("k", b"-1"), "k: label -1"),
    "a wild label": (sample_members("k", b"9" * 30), "label 99999"),
    "a float label in JSON": (sample_members("k", None, json=b'{"label":1.0}'), "no label"),
    "a wild label in JSON": (sample_members("k", None, json=b'{"label":%d}' % 2**64), "label 184"),
    "no picture": (sample_members("k", png=b"GIF89"), "png: not a picture"),
    "a picture that PIL would run Ghostscript on": (
        sample_members("k", png=EPS.getvalue()),
        "png: not a picture",
    ),
    "a cut picture": (sample_members("k", png=bytes(CRC)[:-30]), "png: "),
    "a picture with a flipped byte": (sample_members("k", png=bytes(CRC)), "png: "),
    "16 bits": (sample_members("k", png=png(DEEP)), "png: more than 8 bits"),
    "float images": (sample_members("k", png=None, npy=FLOATS), "the image is float32"),
    "no JSON": (sample_members("k", json=b"{"), "json: not JSON"),
    "a list for JSON": (sample_members("k", json=b"[1]"), "json: found list"),
}


@pytest.mark.parametrize("what", SAMPLES)
def test_a_broken_sample(tmp_path, what):
    members, *said = SAMPLES[what]
    (tmp_path / "a.tar").write_bytes(tar(sample_members("a") + members))
    refused(tmp_path / "a.tar", "k", *said)


MIXED = {
    "shapes of samples": (
        sample_members("a") + sample_members("b", png=png(np.zeros((9, 9, 3), np.uint8))),
        "b",
        "9x9x3",
        "4x5x3",
    ),
    "grey and colour": (
        sample_members("a") + sample_members("b", png=png(np.zeros((4, 5), np.uint8))),
        "4x5x1",
    ),
    "arrays of samples": (sample_members("a", x__npy=npy([1, 2])) + sample_members("b"), "x"),
    "shapes of arrays": (
        sample_members("a", x__npy=npy([1])) + sample_members("b", x__npy=npy([1, 2])),
        "x",
    ),
    "shapes of chunks": (
        GOOD + chunk_members(image__npy=npy(np.zeros((3, 9, 9, 3), np.uint8))),
        "image 000000000 is 9x9x3",
        "4x5x3",
    ),
    "fields of chunks": (GOOD + chunk_members(a__npy=npy([1, 2, 3])), "000000000", "have a"),
    "shapes of fields": (
        chunk_members(key="000000003", a__npy=npy(np.zeros((3, 2))))
        + chunk_members(a__npy=npy(np.zeros((3, 4)))),
        "000000000",
        "'a'",
    ),
    "layouts": (GOOD + sample_members("k"), "k"),
    "a member twice": (GOOD + GOOD[:1], "'000000003.image.npy' comes twice"),
}


@pytest.mark.parametrize("what", MIXED)
def test_images_that_do_not_go_together(tmp_path, what):
    members, *said = MIXED[what]
    (tmp_path / "a.tar").write_bytes(tar(members))
    refused(tmp_path / "a.tar", *said)


def link(kind):
    info = tarfile.TarInfo("x.png")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


NAMES = {
    "../x.png": "'../x.png' points outside",
    "a/../../x.png": "points outside",
    "/etc/x.png": "'/etc/x.png' points outside",
    "eps0.5-000.cls": "a key may hold no dot",
    "a.b.c-1.png": "a key may hold no dot",
    "k.pickle": "pickled",
    "k.image.pkl": "pickled",
    "k.pyd": "pickled",
    "k.pth": "pickled",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_shard_should_hold(tmp_path, name):
    members = sample_members("a") + [(name, bomb(tmp_path / "run")[0])]
    (tmp_path / "a.tar").write_bytes(tar(members))
    refused(tmp_path / "a.tar", name, NAMES[name])
    assert os.listdir(tmp_path) == ["a.tar"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (b"S", "sparse"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "pipe"),
        (b"M", "of type b'M'"),
    ],
)
def test_members_that_are_no_files(tmp_path, kind, said):
    (tmp_path / "a.tar").write_bytes(tar([*sample_members("a"), (link(kind), b"")]))
    refused(tmp_path / "a.tar", "'x.png'", said)


class Zeros(Pipe):
    """As /dev/zero."""

    def read(self, count=-1):
        return bytes(count)


def test_zeros_without_end_are_no_archive(monkeypatch):
    monkeypatch.setattr(tar_module, "ZEROS", 1 << 14)
    with pytest.raises(DataError, match="-: zeros without end; expected a tar archive"):
        ShardStream(Zeros(), "-")


def test_pickles_are_never_loaded(tmp_path):
    for members in (
        chunk_members(label__npy=bomb(tmp_path / "run")[1]),
        chunk_members(extra__npy=bomb(tmp_path / "run")[1]),
        sample_members("000000000", x__npy=bomb(tmp_path / "run")[1]),
    ):
        (tmp_path / "a.tar").write_bytes(tar(members))
        refused(tmp_path / "a.tar", "000000000", "pickled Python objects, which are never read")
    (tmp_path / "a.tar").write_bytes(tar(chunk_members(image__npy=bomb(tmp_path / "run")[0])))
    refused(tmp_path / "a.tar", "image.npy: not an array")
    assert os.listdir(tmp_path) == ["a.tar"]
    pickle.loads(bomb(tmp_path / "run")[0]).close()  # it would have
    assert (tmp_path / "run").exists()


def test_names_that_are_not_utf_8(tmp_path):
    (tmp_path / "a.tar").write_bytes(tar(sample_members("a") + sample_members("\udcff")))
    refused(tmp_path / "a.tar", "not UTF-8")
