"""A set whose move to its place was cut off: what every command says, and what ends it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from making import Pipe, everything, images, same, stream, write
from making_jobs import CHUNK, JOB, Stop, files, job
from making_problems import problems

from advlib.errors import CannotError, DataError
from advlib.jobs.files import lock_folder
from advlib.shards import commit
from advlib.shards.reader import open_set
from advlib.shards.verify import verify_stream
from advlib.shards.writer import Writer

PACK = "advpack a --shuffle --seed 1 --chunk 2 --shard 4 -o a"


@pytest.fixture
def cut_off(monkeypatch):
    """Do what writes a set, which is cut off once two files have moved."""

    def run(work):
        real, moved = os.replace, []

        def replace(source, target):
            if os.path.basename(source) == os.path.basename(target):  # from folder to folder
                moved.append(target)
                if len(moved) > 2:
                    raise Stop
            real(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", replace)
            with pytest.raises(Stop):
                work()

    return run


@pytest.fixture
def folder(tmp_path, call, cut_off):
    """A folder with a set of which PACK, which reads it too, was cut off."""
    write(tmp_path / "a", CHUNK, chunk=2, shard=4, classes=10)
    cut_off(lambda: call(PACK))
    return tmp_path


def commands(network):
    for spec in ("a", ".", "a.index.json", "a-000000.tar", "a-{000000..000005}.tar"):
        yield f"advls {spec}"
    yield from ("advls --verify a", "advls --stats .", "advls --history a", "advls --duplicates a")
    yield from ("advcut a --class 3 -o b", "advpack a -o b", "advview a -o b.png")
    yield from ("advfid a a --features pixels", f"adveval {network} a", f"advattack {network} a")
    yield "advtrain wrn-10-1 --data a --samples 64 -o run"


def test_every_command_refuses_it_in_one_line_that_says_how_to_end_it(folder, call):
    from advlib.models.checkpoints import save
    from advlib.models.network import build

    save(folder / "net.st", build("wrn-10-1", 10, 8), {})
    before = files(folder)
    for line in commands("net.st"):
        done = call(line, status=2)
        said = done.stderr.strip().splitlines()[-1]
        assert done.stdout == "", line
        assert "a: its files are not all in place yet" in said and said.endswith(PACK), line
        assert done.stderr.count("\n") == 1, (line, done.stderr)
    assert files(folder) == before


def test_the_same_line_ends_it_though_it_reads_what_it_replaces(folder, tmp_path_factory, call):
    assert "moved into place, which a kill had cut off" in call(PACK).stderr
    found = everything(folder / "a")
    assert found.key.tolist() != CHUNK.key.tolist()
    same(found.take(np.argsort(found.key)), CHUNK)
    assert not (folder / ".a.partial").exists() and problems(folder / "a") == []
    other = tmp_path_factory.mktemp("undisturbed")
    write(other / "a", CHUNK, chunk=2, shard=4, classes=10)
    os.chdir(other)
    call(PACK)
    os.chdir(folder)
    same(everything(other / "a"), found)


def test_another_line_that_writes_it_ends_it_first(folder, call):
    call("advcut a --range 0:5 -o a")
    assert everything(folder / "a").key.tolist() != CHUNK.key.tolist()[:5]  # of the shuffled set
    assert len(everything(folder / "a")) == 5 and problems(folder / "a") == []


def test_a_set_from_a_pipe_is_moved_before_the_pipe_is_read(folder, call):
    call("advpack - -o a", input=stream(images(3)))
    same(everything(folder / "a"), images(3))
    assert not (folder / ".a.partial").exists() and problems(folder / "a") == []


def test_another_job_moves_a_complete_set_before_it_makes_its_own(tmp_path, cut_off):
    write(tmp_path / "a", images(40, seed=5), chunk=2, shard=4)
    cut_off(lambda: job(tmp_path))
    with pytest.raises(KeyError), Writer(str(tmp_path / "a"), job=JOB | {"more": 1}):
        same(everything(tmp_path / "a"), CHUNK)
        raise KeyError  # an error that leaves the set before it
    same(everything(tmp_path / "a"), CHUNK)
    assert not (tmp_path / ".a.partial").exists() and problems(tmp_path / "a") == []


def test_a_full_disk_within_the_move_keeps_what_is_not_moved(tmp_path, monkeypatch):
    write(tmp_path / "a", images(40, seed=5), chunk=2, shard=4)

    def full(folder):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(commit, "sync_folder", full)
        with pytest.raises(CannotError, match="No space"):
            write(tmp_path / "a", CHUNK, chunk=2, shard=4)  # of no job
    with pytest.raises(DataError, match="not all in place"):
        open_set(str(tmp_path / "a"))
    same(everything(write(tmp_path / "a", CHUNK, chunk=2, shard=4)), CHUNK)


@pytest.mark.parametrize("damage", ["gone", "junk", "elsewhere"])
def test_a_move_that_cannot_be_ended_says_what_to_remove_and_the_job_begins_anew(folder, damage):
    hidden = folder / ".a.partial"
    if damage == "gone":
        (hidden / "a-000004.tar").unlink()
    elif damage == "junk":
        (hidden / "commit.json").write_text("[]")
    else:
        found = json.loads((hidden / "commit.json").read_text())
        (hidden / "commit.json").write_text(json.dumps(found | {"remove": ["../kept"]}))
    with pytest.raises(DataError, match=r"are lost: remove \S*/\.a\.partial, and the set"):
        open_set(str(folder / "a"))
    job(folder)
    same(everything(folder / "a"), CHUNK)
    assert not hidden.exists()


def test_a_move_that_another_process_is_at_is_left_to_it(folder, call):
    before = files(folder)
    with lock_folder(folder / ".a.partial"):
        done = call(PACK, status=1)
    assert "another process is at work in it" in done.stderr and files(folder) == before


def test_a_set_that_is_replaced_while_it_is_read_is_not_read_on(tmp_path):
    write(tmp_path / "a", CHUNK, chunk=2, shard=4)
    shards = open_set(str(tmp_path / "a"))
    chunks = shards.chunks()
    next(chunks)
    write(tmp_path / "a", images(23, seed=9), chunk=2, shard=4)
    for read in (lambda: list(chunks), lambda: shards.read(np.array([22]))):
        with pytest.raises(DataError, match=r"a-00000\d.tar: of another set than when it was open"):
            read()


def test_shards_of_two_sets_are_not_read_as_one(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path / name, images(12, seed=seed), chunk=4, shard=4)
    os.replace(tmp_path / "b-000001.tar", tmp_path / "a-000001.tar")
    shards = [str(tmp_path / f"a-00000{i}.tar") for i in range(3)]
    with pytest.raises(DataError, match=r"a-000001.tar: of another set than \S*a.index.json"):
        open_set(str(tmp_path / "a"))
    assert any("of another set" in p.problem for p in problems(tmp_path / "a"))
    os.unlink(tmp_path / "a.index.json")
    with pytest.raises(DataError, match=r"a-000001.tar: of another set than \S*a-000000.tar"):
        open_set(shards)
    assert len(open_set(shards[::2])) == 8
    piped = b"".join(Path(path).read_bytes() for path in shards)
    assert any("another set" in p.problem for p in verify_stream(Pipe(piped), "-"))


def test_the_id_of_a_set_is_that_of_its_job_or_of_its_input(tmp_path):
    def set_id(name, chunk=CHUNK, **about):
        write(tmp_path / name, chunk, chunk=2, shard=4, **about)
        found = json.loads((tmp_path / f"{name}.index.json").read_text())["set"]
        for path in tmp_path.glob(f"{name}-*.tar"):
            assert f'"set": "{found}"'.encode() in path.read_bytes()[:2048]
        return found

    other = images(23, seed=1)
    assert set_id("a") == set_id("b") and set_id("c", job=JOB) == set_id("d", job=JOB)
    ids = [set_id("a"), set_id("b", other), set_id("c", job=JOB), set_id("d", job={})]
    assert len({*ids}) == 4


def test_archives_of_pipes_are_of_no_set_and_go_together_in_any(tmp_path):
    for i in range(2):
        (tmp_path / f"a-00000{i}.tar").write_bytes(stream(images(3, seed=i), history=[{"i": i}]))
    assert len(open_set(str(tmp_path))) == 6
