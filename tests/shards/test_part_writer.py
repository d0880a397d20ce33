"""Parts of a set, written apart, are the whole set when all are there."""

import contextlib
import itertools
import os
import shutil

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.part_writer import PartWriter
from advlib.shards.reader import open_set
from advlib.shards.set_files import part_files
from advlib.shards.writer import Writer

JOB = {"made": "of noise"}
KNOWN = {"chunk": 5, "shard": 10, "classes": 3, "history": [{"tool": "test"}]}
TOTAL = 34


def images(first, last):
    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (TOTAL, 4, 4, 3)).astype(np.uint8)[first:last]
    number = np.arange(first, last)
    return Chunk(image, number % 3, number)


def write(folder, first, last, stop=None, job=JOB):
    writer = PartWriter(str(folder / "set"), first, last, TOTAL, job=job, **KNOWN)
    with writer:
        if writer.images < last - first:
            writer.write(images(first + writer.images, stop or last))
        if stop:
            raise KeyboardInterrupt
    return writer


@pytest.fixture
def whole(tmp_path):
    """The bytes of the set that is written at once."""
    (tmp_path / "whole").mkdir()
    with Writer(str(tmp_path / "whole/set"), "chunk", job=JOB, **KNOWN) as writer:
        writer.write(images(0, TOTAL))
    return contents(tmp_path / "whole")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("order", [[(0, 10), (10, 30), (30, 34)], [(30, 34), (0, 20), (20, 30)]])
def test_parts_in_any_order_are_the_whole_set(tmp_path, whole, order):
    (tmp_path / "parts").mkdir()
    for part in order:
        assert "set.index.json" not in contents(tmp_path / "parts")
        write(tmp_path / "parts", *part)
    assert contents(tmp_path / "parts") == whole
    assert len(open_set([str(tmp_path / "parts/set")])) == TOTAL


def test_parts_of_two_machines_are_joined_by_any_writer_of_the_set(tmp_path, whole):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    write(tmp_path / "one", 0, 20)
    write(tmp_path / "two", 20, 34)
    for path in (tmp_path / "two").iterdir():
        shutil.copy(path, tmp_path / "one")
    writer = PartWriter(str(tmp_path / "one/set"), 0, TOTAL, TOTAL, job=JOB, **KNOWN)
    assert writer.finished()
    assert contents(tmp_path / "one") == whole


def test_a_part_that_was_cut_off_goes_on(tmp_path, whole):
    (tmp_path / "parts").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "parts", 0, 30, stop=27)
    assert part_files(str(tmp_path / "parts/set")) == []
    writer = PartWriter(str(tmp_path / "parts/set"), 0, 30, TOTAL, job=JOB, **KNOWN)
    with writer:
        assert writer.images == 20  # two whole shards
        writer.write(images(20, 30))
    write(tmp_path / "parts", 30, 34)
    assert contents(tmp_path / "parts") == whole


def test_an_end_before_any_rename_loses_nothing(tmp_path, whole, monkeypatch):
    replace = os.replace
    for call in itertools.count():
        folder, left = tmp_path / str(call), [call]
        folder.mkdir()
        write(folder, 20, 34)

        def ending(*paths, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise SystemExit("killed")
            return replace(*paths)

        with monkeypatch.context() as patched, contextlib.suppress(SystemExit):
            patched.setattr(os, "replace", ending)
            write(folder, 0, 20)
        if not PartWriter(str(folder / "set"), 0, 20, TOTAL, job=JOB, **KNOWN).finished():
            write(folder, 0, 20)
        assert contents(folder) == whole
        if left[0] >= 0:
            break
    assert call >= 8  # two shards and what they hold, the job, the part, the index


def test_parts_of_different_sets_are_not_joined(tmp_path):
    write(tmp_path, 0, 20)
    with pytest.raises(DataError, match="a part of another set; remove it"):
        write(tmp_path, 20, 34, job={"made": "otherwise"})


def test_another_set_of_the_name_is_left_alone(tmp_path):
    with Writer(str(tmp_path / "set"), "chunk", job={"other": 1}, **KNOWN) as writer:
        writer.write(images(0, 10))
    before = contents(tmp_path)
    with pytest.raises(DataError, match="another set of that name is there"):
        write(tmp_path, 0, 10)
    assert contents(tmp_path) == before


def test_a_set_of_which_parts_are_missing_is_no_set(tmp_path):
    """Its shards alone, numbered without a gap, would pass for one."""
    write(tmp_path, 0, 20)
    for name in (tmp_path, tmp_path / "set"):
        with pytest.raises(DataError, match="some of the parts that it is made in are not there"):
            open_set([str(name)])
    named = [str(tmp_path / f"set-00000{i}.tar") for i in range(2)]
    assert len(open_set(named)) == 20
    write(tmp_path, 20, 34)
    assert len(open_set([str(tmp_path)])) == TOTAL


def test_one_file_has_no_parts(tmp_path):
    with pytest.raises(DataError, match=r"one.tar: one file; parts are of a set, as .*/one$"):
        PartWriter(str(tmp_path / "one.tar"), 0, 20, TOTAL, job=JOB, **KNOWN)


def test_parts_that_end_at_once_both_end_well(tmp_path, whole, monkeypatch):
    (tmp_path / "parts").mkdir()
    write(tmp_path / "parts", 0, 20)
    unlink = os.unlink

    def raced(path, **extra):
        unlink(path, **extra)
        if ".part-" in str(path):  # the other process has removed it meanwhile
            unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", raced)
        write(tmp_path / "parts", 20, 34)
    assert contents(tmp_path / "parts") == whole
