"""Writer: a killed job ends with the bytes of one that was never disturbed."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest
from making import everything, images, same, write
from making_jobs import CHUNK, JOB, Stop, files, job

from advlib.shards.writer import Writer

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


def whole(folder, layout="chunk"):
    folder.mkdir(exist_ok=True)
    write(folder / "a", CHUNK, layout, chunk=2, shard=4, job=JOB)
    return files(folder)


def test_an_error_in_a_job_leaves_what_it_can_go_on_from(tmp_path):
    with pytest.raises(Stop), Writer(str(tmp_path / "a"), chunk=2, shard=4, job=JOB) as writer:
        writer.write(CHUNK.take(slice(0, 11)))
        raise Stop
    assert os.listdir(tmp_path) == [".a.partial"]
    assert "unfinished.tar" not in os.listdir(tmp_path / ".a.partial")
    assert job(tmp_path) == 8
    assert files(tmp_path) == whole(tmp_path / "undisturbed")


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
