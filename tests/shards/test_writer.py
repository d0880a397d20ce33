"""Writer: sets appear whole or not at all; names, fields and images that are refused."""

import os
from dataclasses import replace

import numpy as np
import pytest
from making import Pipe, everything, images, pieces, same, stream, write
from making_jobs import CHUNK, JOB, Stop

from advlib.errors import CannotError, DataError
from advlib.shards.chunk import object_array
from advlib.shards.reader import open_set
from advlib.shards.stream import ShardStream
from advlib.shards.writer import Writer


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_nothing_has_its_name_before_all_is_written(tmp_path, layout):
    with Writer(str(tmp_path / "a"), layout, chunk=2, shard=4) as writer:
        for piece in pieces(CHUNK, 1):
            writer.write(piece)
            assert os.listdir(tmp_path) == [".a.partial"]
    assert len(os.listdir(tmp_path)) == 7
    same(everything(tmp_path), CHUNK)


@pytest.mark.parametrize("error", [DataError, CannotError, KeyboardInterrupt, Stop])
@pytest.mark.parametrize("name", ["a", "a.tar"])
def test_an_error_leaves_nothing(tmp_path, error, name):
    with pytest.raises(error), Writer(str(tmp_path / name), chunk=2, shard=4) as writer:
        writer.write(CHUNK)
        raise error("x")
    assert os.listdir(tmp_path) == []


def test_wrong_input_in_a_job_leaves_nothing(tmp_path):
    for wrong in (images(3, shape=(9, 9, 3)), images(3, extra=[1, 2, 3])):
        writer = Writer(str(tmp_path / "a"), chunk=2, shard=4, job=JOB)
        with pytest.raises(DataError, match=r"a: .*image 000000000"), writer:
            writer.write(CHUNK)
            writer.write(wrong)
        assert os.listdir(tmp_path) == []


def test_no_images_are_no_set(tmp_path):
    with pytest.raises(DataError, match="no images to write"), Writer(str(tmp_path / "a")):
        pass
    assert os.listdir(tmp_path) == []


def test_a_set_is_replaced_with_its_stale_shards_and_nothing_else(tmp_path):
    write(tmp_path / "a", CHUNK, chunk=2, shard=4)
    others = {"a-b-000000.tar": b"1", "ab-000005.tar": b"2", "a-000099.tar": b"not in the index"}
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    write(tmp_path / "a", CHUNK.take(slice(0, 7)), chunk=2, shard=4)
    assert set(os.listdir(tmp_path)) == {*others, "a.index.json", "a-000000.tar", "a-000001.tar"}
    assert {n: (tmp_path / n).read_bytes() for n in others} == others
    same(everything(tmp_path / "a"), CHUNK.take(slice(0, 7)))
    write(tmp_path / "a.tar", CHUNK)  # another set
    both = {"a.index.json", "a.tar", "a.tar.index.json"}
    assert set(os.listdir(tmp_path)) == {*others, *both, "a-000000.tar", "a-000001.tar"}
    write(tmp_path / "a", CHUNK, shard=1000)
    assert set(os.listdir(tmp_path)) == {*others, *both, "a-000000.tar"}


def test_a_stale_shard_that_is_gone_already_is_no_matter(tmp_path):
    write(tmp_path / "a", CHUNK, chunk=2, shard=4)
    os.unlink(tmp_path / "a-000005.tar")
    write(tmp_path / "a", CHUNK.take(slice(0, 7)), chunk=2, shard=4)
    same(everything(tmp_path / "a"), CHUNK.take(slice(0, 7)))


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_a_set_may_be_written_over_itself_while_it_is_read(tmp_path, layout):
    write(tmp_path / "a", CHUNK, layout, chunk=2, shard=4)
    backwards = CHUNK.take(slice(None, None, -1))
    source = open_set([str(tmp_path / "a")])
    with Writer(str(tmp_path / "a"), layout, chunk=2, shard=6) as writer:
        for number in range(22, -1, -1):
            writer.write(source.read(np.array([number])))
    same(everything(tmp_path / "a"), backwards)


def test_a_second_writer_of_the_same_set_says_so_and_disturbs_nothing(tmp_path):
    with Writer(str(tmp_path / "a"), chunk=2, shard=4) as writer:
        writer.write(CHUNK.take(slice(0, 9)))
        second = Writer(str(tmp_path / "a"), chunk=2, shard=4)
        with pytest.raises(CannotError, match="another process is at work in it"), second:
            pass
        for name in ("b", "a.tar"):
            with Writer(str(tmp_path / name)) as other:
                other.write(CHUNK)
        writer.write(CHUNK.take(slice(9, None)))
    same(everything(tmp_path / "a"), CHUNK)


def test_names_that_cannot_be_of_a_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    for name, said in {
        "": "expected the name",
        ".hidden": "expected the name",
        "folder/": "expected the name",
        "a*": "expected the name",
        "a-{000000..000001}.tar": "expected the name",
        "folder": "a folder",
        "none/a": "none: no such folder",
        "/dev/null": "a device",
    }.items():
        with pytest.raises(DataError, match=said):
            Writer(name)
    with pytest.raises(DataError, match="no multiple"):
        Writer("a", chunk=3, shard=4)


@pytest.mark.parametrize("field", ["image", "label", "key", "png", "a.b", "", "a b", "9", "json"])
def test_names_that_cannot_be_of_a_field(tmp_path, field):
    with pytest.raises(DataError, match="expected a name of letters"):
        write(tmp_path / "a", replace(images(3), fields={field: np.arange(3)}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": np.array([0, 1 << 20, 1])},
        {"label": np.array([0, -1, 1])},
        {"image": np.zeros((3, 4, 5, 3), np.float32)},
    ],
)
def test_images_that_no_reader_takes_are_not_written(tmp_path, wrong):
    with pytest.raises(DataError, match=r"expected (0 to 1048575|uint8)"):
        write(tmp_path / "a", replace(images(3), **wrong))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("key", ["a.b", "a/b", "", "\0", "k" * 200, "a\\b"])
def test_keys_that_no_sample_can_bear(tmp_path, key):
    chunk = images(1, key=object_array([key]))
    with pytest.raises(DataError, match="key"):
        write(tmp_path / "a", chunk, "sample")
    assert os.listdir(tmp_path) == []
    same(everything(write(tmp_path / "b", chunk)), chunk)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@pytest.mark.parametrize("what", ["key", "note", "class"])
def test_texts_that_no_reader_would_take(tmp_path, what, layout):
    text = object_array(["\udcff"])
    chunk = images(1, classes=2, **({} if what == "class" else {what: text}))
    names = ["cat", "\udcff"] if what == "class" else None
    with pytest.raises(DataError, match=r"udcff"):
        write(tmp_path / "a", chunk, layout, class_names=names)
    assert os.listdir(tmp_path) == []


def test_an_error_leaves_a_stream_without_its_end():
    out = Pipe()
    from advlib.shards.archive import StreamWriter

    with pytest.raises(Stop), StreamWriter(out, chunk=2) as writer:
        writer.write(CHUNK)
        raise Stop
    with pytest.raises(DataError, match="cut short"):
        list(ShardStream(Pipe(out.getvalue()), "-").chunks())
    assert stream(CHUNK, chunk=2).startswith(out.getvalue())
