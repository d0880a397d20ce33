"""Pickles that would run code are refused and not run, at every level; damage is one line."""

import gzip
import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from official_format import as_pkl, as_pt, content
from reference import network

from advlib.errors import DataError
from advlib.generators.restricted_pickle import read_pickle, tensors_of

WAYS = {
    "pkl": as_pkl,
    "pt": as_pt,
    "older pt": lambda held: as_pt(held, older=True),
}


class Evil:
    """A pickle of it makes a file when it is read."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def read(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    return read_pickle(path)


@pytest.mark.parametrize("way", WAYS)
def test_tensors_are_bit_for_bit_those_that_were_written(way, tmp_path):
    made = network("ncsnpp")
    found = tensors_of(read(tmp_path, WAYS[way](content(made)))["ema"])
    expected = made.state_dict()
    assert [*found] == [*expected]
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("way", WAYS)
def test_a_pickle_that_would_run_code_is_refused_and_not_run(way, tmp_path):
    held = content(network("ddpmpp")) | {"loss_fn": Evil(tmp_path / "run")}
    with pytest.raises(DataError, match=r"names posix.system, which .*; nothing of it was run"):
        read(tmp_path, WAYS[way](held))
    assert not (tmp_path / "run").exists()
    pickle.loads(pickle.dumps(Evil(tmp_path / "run")))  # it would have
    assert (tmp_path / "run").exists()


def test_a_pickle_within_the_pickle_is_held_to_the_same(tmp_path):
    """Storages lie in pickles of their own, which torch reads with all that a pickle can do."""

    class Storage:
        def __reduce__(self):
            good = as_pt(torch.zeros(3), older=True)
            evil = good.replace(good[good.index(b"\x80\x02c", 40) :], pickle.dumps(self.inner, 2))
            return torch.storage._load_from_bytes, (evil,)

    held = Storage()
    held.inner = Evil(tmp_path / "run")
    with pytest.raises(DataError, match=r"names posix.system"):
        read(tmp_path, pickle.dumps({"ema": held}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("torch", "load"), ("torch.storage", "_load_from_bytes.__globals__")],
)
def test_other_names_are_refused(module, name, tmp_path):
    data = b"\x80\x04\x8c" + bytes([len(module)]) + module.encode()
    data += b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    with pytest.raises(DataError, match="names "):
        read(tmp_path, data)


def test_getattr_of_ects_loss_does_nothing(tmp_path):
    held = {"ema": 1, "loss_fn": None}
    call = b"cbuiltins\ngetattr\n(cbuiltins\nset\nX\x03\x00\x00\x00poptR"  # getattr(set, "pop")
    data = pickle.dumps(held, 2).replace(b"N", call, 1)
    assert read(tmp_path, data)["loss_fn"].class_name == "attribute"


def test_numbers_and_sets_of_numpy_come_through(tmp_path):
    held = {"a": np.float64(0.25), "b": {1, 2}, "c": np.int32(-3)}
    assert read(tmp_path, pickle.dumps(held)) == held
    with pytest.raises(DataError, match="numbers of type 'O8'"):
        read(tmp_path, pickle.dumps(np.dtype("O")))


def test_parts_of_storages_and_shared_ones_come_through(tmp_path):
    whole = torch.arange(12.0)
    held = {"a": whole[2:8].view(2, 3).T, "b": whole, "c": torch.empty(0), "d": torch.tensor(7)}
    for way in WAYS.values():
        found = read(tmp_path, way(held))
        assert all(torch.equal(found[name], value) for name, value in held.items())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\x80\x04.",
        b"no pickle at all",
        pickle.dumps(torch.zeros(3))[:-20],
        as_pt({"a": torch.zeros(3)})[:-100],
        as_pt({"a": torch.zeros(3)}, older=True)[:-2],
    ],
)
def test_what_is_no_such_file_or_cut_short_is_one_line(data, tmp_path):
    with pytest.raises(DataError, match="no generator's pickle, or damaged or cut short"):
        read(tmp_path, data)


def test_compressed_archives_are_refused(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}, 2))
        archive.writestr("archive/data/0", bytes(10**6))
    with pytest.raises(DataError, match="compressed"):
        read(tmp_path, file.getvalue())


def test_tensors_beyond_their_storage_are_refused(tmp_path):
    good = as_pt({"a": torch.zeros(3)})
    for was, becomes in ((b"K\x03\x85", b"K\x7f\x85"), (b"K\x03t", b"K\x7ft")):
        assert was in good
        with pytest.raises(DataError, match=r"beyond its storage|numbers in 12 bytes|CRC"):
            read(tmp_path, good.replace(was, becomes))


@settings(max_examples=60)
@given(st.data())
def test_no_damage_is_more_than_one_line(tmp_path_factory, data):
    whole = as_pkl({"ema": torch.arange(5.0), "b": [1, {"c": "d"}]})
    at = data.draw(st.integers(0, 10_000)) % len(whole)  # whose length hangs on addresses
    damaged = bytearray(whole)
    damaged[at] = data.draw(st.integers(0, 255))
    try:
        read(tmp_path_factory.mktemp("damage"), bytes(damaged))
    except DataError as err:
        assert "\n" not in str(err)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<!DOCTYPE html><html>", "a web page; expected a generator's pickle"),
        (
            gzip.compress(b"x", mtime=0),
            "compressed with gzip (gunzip it); expected a generator's pickle",
        ),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
    ],
)
def test_files_of_other_kinds_are_named(content, why, tmp_path):
    (tmp_path / "g.pkl").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"g.pkl: {why}")):
        read_pickle(tmp_path / "g.pkl")


def test_an_archive_of_something_else_is_named(tmp_path):
    np.savez(tmp_path / "g.npz", image=np.zeros(3))
    with pytest.raises(DataError, match=r"g.npz: no generator's pickle.*without data.pkl"):
        read_pickle(tmp_path / "g.npz")
