"""A full disk: one line, exit status 1, no half-written name, and it goes on once there is room."""

import os
import subprocess

import numpy as np
import pytest
from making import everything, images, same, write

from advlib.errors import CannotError
from advlib.shards.shuffle import shuffle_images
from advlib.shards.writer import Writer

PACK = "advpack digits --shard 300 --chunk 100 -o a"  # 5.7 MB


@pytest.fixture
def disk(tmp_path, small_disk):
    """A file system of 8 MB, of which a file `filler` leaves 2."""
    return small_disk(tmp_path / "disk", "8m", 6 << 20)


def files(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "filler"}


@pytest.mark.parametrize(
    "command",
    [
        PACK,
        PACK + " --shuffle",
        "advpack digits --shard 300 -o a --layout sample",
        "advpack digits -o a",
        "advpack digits -o a.tar",
        "advcut ../set --range 0: --invert --class 3 -o a",
    ],
)
def test_a_full_disk_is_one_line_and_the_command_goes_on_when_there_is_room(sh, disk, command):
    if "sample" in command:
        (disk / "more").write_bytes(bytes(1 << 20))
    write(disk.parent / "set", images(1900, shape=(32, 32, 3)))
    done = sh(f"cd disk && {command}")
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1 and "No space left on device" in done.stderr
    partial = ".a.tar.partial" if "a.tar" in command else ".a.partial"
    assert partial in done.stderr
    assert set(os.listdir(disk)) <= {"filler", "more", partial}
    if os.path.exists(disk / partial):
        assert "unfinished.tar" not in os.listdir(disk / partial)
    (disk / "filler").unlink()
    if "shuffle" in command:  # buckets and set need twice the room
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    again = sh(f"cd disk && {command}")
    assert again.returncode == 0, again.stderr
    (disk / "more").unlink(missing_ok=True)
    kept = "--shard" in command and "shuffle" not in command
    assert ("that a killed run left" in again.stderr) == kept
    sh(f"mkdir undisturbed && cd undisturbed && {command}")
    assert files(disk) == files(disk.parent / "undisturbed")


def test_the_writer_of_a_job_says_which_file_and_keeps_its_shards(disk):
    chunk = images(1900, shape=(32, 32, 3))
    name = str(disk / "a")
    writer = Writer(name, chunk=100, shard=200, job={})
    with pytest.raises(CannotError, match=r"unfinished\.tar: No space left"), writer:
        writer.write(chunk)
    os.unlink(disk / "filler")
    with Writer(name, chunk=100, shard=200, job={}) as writer:
        assert writer.images == 600
        writer.write(chunk.take(slice(600, None)))
    os.unlink(disk / "a.index.json")
    same(everything(disk), chunk)


def test_a_shuffle_says_which_file(disk):
    chunk = images(1900, shape=(32, 32, 3))
    with pytest.raises(CannotError, match=r"bucket-\d\d\d\.tar: No space left"):
        next(shuffle_images([chunk], None, 0, str(disk)))
    assert "dealt.json" not in os.listdir(disk)
    os.unlink(disk / "filler")
    got = np.concatenate([part.key for part in shuffle_images([chunk], None, 0, str(disk))])
    assert sorted(got.tolist()) == list(range(1900))
