"""Writer: sets appear whole or not at all; a killed job ends with the bytes of any other."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from making import Pipe, everything, images, pieces, same, stream, write

from advlib.errors import CannotError, DataError
from advlib.shards.chunk import object_array, skip_images
from advlib.shards.reader import open_set
from advlib.shards.stream import ShardStream
from advlib.shards.writer import Writer

JOB = {"from": "the test"}
CHUNK = images(23)
CHILD = """
import sys
sys.path.insert(0, {here!r})
from making import images, pieces
from advlib.shards.chunk import skip_images
from advlib.shards.writer import Writer
with Writer("a", {layout!r}, chunk=2, shard=4, job={job!r}) as writer:
    print("from", writer.images, flush=True)
    for piece in skip_images(pieces(images(23), 1), writer.images):
        writer.write(piece)
        print("after", writer.images, flush=True)
        sys.stdin.readline()
"""


def files(folder):
    """All files, hidden ones and those in folders too, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def whole(folder, layout="chunk"):
    folder.mkdir(exist_ok=True)
    write(folder / "a", CHUNK, layout, chunk=2, shard=4, job=JOB)
    return files(folder)


def job(folder, layout="chunk", what=JOB, chunk=CHUNK):
    """Do the job, or what is left of it; returns with how many images it began."""
    with Writer(str(folder / "a"), layout, chunk=2, shard=4, job=what) as writer:
        begun = writer.images
        for piece in skip_images(pieces(chunk, 3), begun):
            writer.write(piece)
    return begun


class Stop(BaseException):
    """What no one catches, as a kill."""


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


def test_an_error_in_a_job_leaves_what_it_can_go_on_from(tmp_path):
    with pytest.raises(Stop), Writer(str(tmp_path / "a"), chunk=2, shard=4, job=JOB) as writer:
        writer.write(CHUNK.take(slice(0, 11)))
        raise Stop
    assert os.listdir(tmp_path) == [".a.partial"]
    assert "unfinished.tar" not in os.listdir(tmp_path / ".a.partial")
    assert job(tmp_path) == 8
    assert files(tmp_path) == whole(tmp_path / "undisturbed")


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


@pytest.mark.parametrize("layout", ["chunk", "sample"])
@pytest.mark.parametrize("lines", [1, 2, 5, 9, 14, 22, 23])
def test_a_killed_writer_goes_on_and_ends_with_equal_bytes(tmp_path, layout, lines):
    expected = whole(tmp_path / "undisturbed", layout)
    folder = tmp_path / "killed"
    folder.mkdir()
    code = CHILD.format(here=os.path.dirname(__file__), layout=layout, job=JOB)
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout.readline() == "from 0\n"
        for _ in range(lines - 1):
            assert child.stdout.readline().startswith("after")
            child.stdin.write("\n")
            child.stdin.flush()
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert os.listdir(folder) == [".a.partial"]
    finished = (lines // 2 * 2 - 1) // 4 * 4 if lines > 1 else 0  # a shard ends with the next chunk
    assert job(folder, layout) == finished
    assert files(folder) == expected


@pytest.mark.parametrize(
    "other",
    [{"what": {"from": "elsewhere"}}, {"what": None}, {"layout": "sample"}, {"what": {}}],
)
def test_another_job_does_not_use_what_was_left(tmp_path, other):
    with contextlib.suppress(Stop), Writer(str(tmp_path / "a"), chunk=2, shard=4, job=JOB) as w:
        w.write(images(11, seed=1))
        raise Stop
    assert job(tmp_path, **other) == 0
    same(everything(tmp_path / "a"), CHUNK)
    assert not any(name.startswith(".") for name in os.listdir(tmp_path))


def test_shards_that_are_missing_or_cut_in_what_was_left_are_written_again(tmp_path):
    expected = whole(tmp_path / "undisturbed")
    for damage in (os.unlink, lambda path: os.truncate(path, 99)):
        folder = tmp_path / "killed"
        folder.mkdir()
        with contextlib.suppress(Stop), Writer(str(folder / "a"), chunk=2, shard=4, job=JOB) as w:
            w.write(CHUNK.take(slice(0, 19)))
            raise Stop
        damage(folder / ".a.partial" / "a-000001.tar")
        assert job(folder) == 4
        assert files(folder) == expected
        shutil.rmtree(folder)


def test_a_second_writer_of_the_same_set_says_so_and_disturbs_nothing(tmp_path):
    with Writer(str(tmp_path / "a"), chunk=2, shard=4) as writer:
        writer.write(CHUNK.take(slice(0, 9)))
        second = Writer(str(tmp_path / "a"), chunk=2, shard=4)
        with pytest.raises(CannotError, match="another process writes this set"), second:
            pass
        for name in ("b", "a.tar"):
            with Writer(str(tmp_path / name)) as other:
                other.write(CHUNK)
        writer.write(CHUNK.take(slice(9, None)))
    same(everything(tmp_path / "a"), CHUNK)


CALLS = ["replace", "unlink", "rename"]


@pytest.mark.parametrize("before", ["nothing", "longer", "single"])
def test_a_commit_killed_at_any_step_is_ended_by_the_same_job(tmp_path, monkeypatch, before):
    longer = images(40, seed=5)

    def prepare(folder):
        folder.mkdir()
        if before == "longer":
            write(folder / "a", longer, chunk=2, shard=4)
        elif before == "single":
            write(folder / "a.tar", longer)
        return folder

    job(prepare(tmp_path / "undisturbed"))
    expected = files(tmp_path / "undisturbed")
    commit, real = Writer._commit, {name: getattr(os, name) for name in CALLS}
    for k in range(100):
        folder = prepare(tmp_path / str(k))
        left = iter(range(k, -1, -1))

        def counted(name, left=left):
            def call(*args, **extra):
                if next(left) == 0:
                    os._exit(9)
                return real[name](*args, **extra)

            return call

        def killed(writer, counted=counted):
            for name in CALLS:
                setattr(os, name, counted(name))
            commit(writer)

        child = os.fork()
        if not child:
            Writer._commit = killed
            with contextlib.suppress(BaseException):
                job(folder)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for name, data in files(folder).items():  # what has a final name is whole
            if name.endswith(".tar") and "partial" not in name:
                assert list(ShardStream(Pipe(data), name).chunks())
        job(folder)
        assert files(folder) == expected, k
        if not status:
            break
    assert k >= {"nothing": 9, "longer": 13, "single": 10}[before]


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


@pytest.mark.parametrize("key", ["a.b", "a/b", "", "\0", "k" * 200, "\udcff", "a\\b"])
def test_keys_that_no_sample_can_bear(tmp_path, key):
    chunk = images(1, key=object_array([key]))
    with pytest.raises(DataError, match="key"):
        write(tmp_path / "a", chunk, "sample")
    assert os.listdir(tmp_path) == []
    same(everything(write(tmp_path / "b", chunk)), chunk)


def test_an_error_leaves_a_stream_without_its_end():
    out = Pipe()
    from advlib.shards.archive import StreamWriter

    with pytest.raises(Stop), StreamWriter(out, chunk=2) as writer:
        writer.write(CHUNK)
        raise Stop
    with pytest.raises(DataError, match="cut short"):
        list(ShardStream(Pipe(out.getvalue()), "-").chunks())
    assert stream(CHUNK, chunk=2).startswith(out.getvalue())
