"""Idx files: the images in them, and what is said of broken ones."""

import gzip
import struct

import numpy as np
import pytest
from making_sources import GRAY, GRAY_LABEL, everything, write_idx

from advlib.errors import DataError
from advlib.shards.sources import NAMED, open_source


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("name", [None, "mnist", "fashion-mnist"])
def test_idx_images_get_a_border_and_three_channels(tmp_path, name, pack):
    write_idx(tmp_path, pack=pack)
    expected = np.zeros((1030, 32, 32, 3), np.uint8)
    expected[:, 2:30, 2:30] = GRAY[..., None]
    for split, first, stop in (
        (None, 0, 1030),
        ("validation", 0, 1024),
        ("train-rest", 1024, 1030),
    ):
        if name:
            source = open_source(name, split, str(tmp_path))
        else:
            source = open_source(str(tmp_path), split)
        assert source.name == f"{name or tmp_path} {split or 'train'}"
        assert (
            source.class_names == (NAMED[name].class_names if name else None)
            and source.count == stop - first
        )
        chunk = everything(source, 2, 400)
        np.testing.assert_array_equal(chunk.image, expected[first + 2 : stop])
        np.testing.assert_array_equal(chunk.label, GRAY_LABEL[first + 2 : stop])
        np.testing.assert_array_equal(chunk.key, np.arange(first + 2, stop))


IDX_FAULTS = {
    "short": (lambda d: d[:-1], "only 807519 bytes after the header; expected"),
    "long": (lambda d: d + b"x", "more bytes after the header; expected"),
    "magic": (lambda d: b"PK\3\4" + d[4:], "begins with 504b0304; expected 00000803"),
    "floats": (lambda d: b"\0\0\x0d\3" + d[4:], "begins with 00000d03; expected 00000803"),
    "empty": (lambda d: b"", "begins with nothing; expected 00000803"),
    "header": (lambda d: d[:9], "ends within the header"),
    "size": (lambda d: d[:8] + struct.pack(">II", 28, 56) + d[16:], "28x56; expected 28x28"),
    "vast": (lambda d: d[:4] + b"\xff" * 4 + d[8:], "4294967295 values; expected at most 1048576"),
}


@pytest.mark.parametrize("fault", IDX_FAULTS)
@pytest.mark.parametrize("pack", [False, True])
def test_broken_idx_files_are_named(tmp_path, fault, pack):
    write_idx(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    change, message = IDX_FAULTS[fault]
    data = change(file.read_bytes())
    if pack:
        file.unlink()
        file, data = file.with_name(file.name + ".gz"), gzip.compress(data)
    file.write_bytes(data)
    with pytest.raises(DataError, match=f"{file.name}: .*{message}"):
        open_source(str(tmp_path))


def test_idx_files_that_disagree_are_named(tmp_path):
    write_idx(tmp_path / "a", label=GRAY_LABEL[:-1])
    with pytest.raises(DataError, match=r"labels.*: 1029 labels, but 1030 images in .*images"):
        open_source(str(tmp_path / "a"))
    with pytest.raises(DataError, match=r"no file t10k-images-idx3-ubyte or with .gz"):
        open_source(str(tmp_path / "a"), "test")
    with pytest.raises(DataError, match="no split 'extra'"):
        open_source(str(tmp_path / "a"), "extra")
    write_idx(tmp_path / "b", GRAY[:5], np.array([0, 1, 2, 11, 12], np.uint8))
    with pytest.raises(DataError, match="label 3 is 11; expected 0 to 9 for mnist"):
        open_source("mnist", root=str(tmp_path / "b"))
    with pytest.raises(DataError, match="no images of split 'train-rest'"):
        open_source(str(tmp_path / "b"), "train-rest")


def test_broken_gzip_is_named(tmp_path):
    write_idx(tmp_path, pack=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    good = file.read_bytes()
    for data in (good[:-100], b"no gzip", good[:-5] + b"12345", good[:5000] + b"~" + good[5001:]):
        file.write_bytes(data)
        with pytest.raises(DataError, match=rf"{file.name}: .*(gzip|bytes after the header)"):
            open_source(str(tmp_path))
