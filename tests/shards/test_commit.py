"""A kill while a set takes another's place: nobody reads a mixture, and the same job ends it."""

import itertools
import os
import shutil
import signal

import pytest
from making import everything, images, write
from making_jobs import CHUNK, files, job

from advlib.errors import DataError
from advlib.shards.chunk import concatenate
from advlib.shards.commit import COMMIT
from advlib.shards.reader import open_set
from advlib.shards.set_files import find_sets
from advlib.shards.verify import verify
from advlib.shards.writer import Writer

CALLS = ("replace", "unlink", "rmdir", "fsync", "open")
OTHER = images(40, seed=5)  # of the set that is replaced
HIDDEN = ".a.partial"


def killed_in(work, number):
    """Work in a fork that is killed at call `number` of CALLS from when its set is complete on;
    whether there were so many.
    """
    pid = os.fork()
    if not pid:
        left, begin = iter(range(number, -1, -1)), Writer._begin_commit

        def counted(call):
            def count(*args, **extra):
                if next(left) == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **extra)

            return count

        def counted_from_here(writer):
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            return begin(writer)

        Writer._begin_commit = counted_from_here
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def occupy(folder, kind):
    """Make a folder with what stands where the job of the tests puts its set."""
    folder.mkdir()
    if kind == "longer":
        write(folder / "a", OTHER, chunk=2, shard=4)
    elif kind == "older":  # of the form before sets had an id, with shards of the same sizes
        with Writer(str(folder / "a"), chunk=2, shard=4) as writer:
            writer._begin = lambda images: None
            writer.write(OTHER.take(slice(len(CHUNK))))


def names_of_the_set(folder):
    shards = sorted(str(path) for path in folder.glob("a-*.tar"))
    braces = [str(folder / "a-{000000..%06d}.tar") % (len(shards) - 1)]
    name = [str(folder / "a")]
    return [name, [str(folder)], [f"{name[0]}.index.json"], *([shards, braces] if shards else ())]


def read(names):
    """The images of a set; or the line with which it is refused."""
    try:
        return concatenate([*open_set(names).chunks()])
    except DataError as err:
        assert "\n" not in str(err)
        return str(err)


@pytest.mark.parametrize("kind", ["nothing", "longer", "older"])
def test_a_kill_at_any_step_leaves_one_set_or_one_line_and_the_same_job_ends_it(tmp_path, kind):
    occupy(tmp_path / "whole", kind)
    job(tmp_path / "whole")
    expected, refused = files(tmp_path / "whole"), 0
    for k in itertools.count():
        folder = tmp_path / str(k)
        occupy(folder, kind)
        old = None if kind == "nothing" else everything(folder / "a")
        killed = killed_in(lambda folder=folder: job(folder), k)
        under_way = (folder / HIDDEN / COMMIT).exists()
        for names in names_of_the_set(folder):
            found = read(names)
            if under_way:
                assert "a: its files are not all in place yet" in found and "run it again" in found
            elif old is not None or (folder / "a.index.json").exists():
                assert found.image.tobytes() in [w.image.tobytes() for w in (old, CHUNK) if w]
                assert [p for files in find_sets(names) for p in verify(files)] == []
            else:
                assert "neither a file nor a set" in found or "no .tar files" in found
        refused += under_way
        without_the_hidden_folder(folder, old)
        job(folder)
        assert files(folder) == expected, k
        if not killed:
            break
    assert k >= 20 and refused >= 7, (k, refused)


def without_the_hidden_folder(folder, old):
    """Where that was removed, or not copied with the set, no mixture is read either."""
    bare = folder.with_name("bare")
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns(HIDDEN))
    shards = [str(path) for path in sorted(bare.glob("*.tar"))]
    found = read(shards) if shards else ""
    if not isinstance(found, str):
        assert any({*map(bytes, found.image)} <= {*map(bytes, w.image)} for w in (old, CHUNK) if w)
    shutil.rmtree(bare)
