"""The index is a contract: what it names must be there, by whatever name a set is asked for."""

import json
import os

import pytest
from making import chunk_members, images, tar, write

from advlib.errors import DataError
from advlib.shards import reader
from advlib.shards.set_files import find_sets
from advlib.shards.writer import Writer


@pytest.fixture
def three(tmp_path):
    """A set of three shards, of which the middle one is gone."""
    with Writer(str(tmp_path / "set"), chunk=4, shard=4) as writer:
        writer.write(images(12))
    os.unlink(tmp_path / "set-000001.tar")
    return tmp_path


@pytest.mark.parametrize("spec", ["set", "set.index.json", ".", "set-000000.tar"])
def test_a_shard_that_the_index_names_must_be_there(three, monkeypatch, spec):
    monkeypatch.chdir(three)
    with pytest.raises(DataError, match=r"set-000001.tar: no such file; set.index.json names it"):
        reader.ShardSet(find_sets([spec]))


@pytest.mark.parametrize(
    "line",
    [
        "advls .",
        "advcut . --range 0:2 -o out",
        "advpack . -o out",
        "advview . -o out.png",
        "advls --stats set-000000.tar set-000002.tar",
    ],
)
def test_no_command_reads_a_part_for_the_whole(three, sh, monkeypatch, line):
    monkeypatch.chdir(three)
    done = sh(line)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "set-000001.tar: no such file" in done.stderr


def test_verify_lists_a_shard_that_is_not_there(three, sh, monkeypatch):
    monkeypatch.chdir(three)
    for line in ("advls --verify .", "advls --verify set-000000.tar"):
        done = sh(line)
        assert done.returncode == 2
        assert "set-000001.tar,,no such file; set.index.json names it" in done.stdout
    os.unlink("set.index.json")
    assert 'set-000001.tar,,"not there' in sh("advls --verify .").stdout


def test_some_shards_of_a_whole_set_may_be_named(tmp_path):
    with Writer(str(tmp_path / "set"), chunk=4, shard=4) as writer:
        writer.write(images(12))
    some = [str(tmp_path / f"set-00000{i}.tar") for i in (0, 2)]
    assert len(reader.open_set(some)) == 8


def test_a_gap_in_the_numbering_is_said_where_no_index_is(three, sh, monkeypatch):
    monkeypatch.chdir(three)
    os.unlink("set.index.json")
    done = sh("advls .")
    assert done.returncode == 0
    assert "note: set-000001.tar: not there, between others that are" in done.stderr
    assert reader.open_set(["."]).gaps == ["set-000001.tar"]
    assert reader.open_set(["set-000002.tar"]).gaps == []


def test_an_archive_of_a_later_version_is_not_read_as_one_of_this(tmp_path, sh, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = {"format": "advshards", "version": 9, "layout": "chunk"}
    with open("a.tar", "wb") as file:
        file.write(tar([("__advshards__", json.dumps(about).encode()), *chunk_members()]))
    for line in ("advls a.tar", "advls --verify a.tar", "advls < a.tar"):
        done = sh(line)
        assert "__advshards__: version 9; expected 1" in done.stderr + done.stdout, line
        assert done.returncode in (1, 2)


def test_a_key_that_two_images_have_is_no_name_of_samples(tmp_path, sh, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        write(tmp_path / name, images(3))
    done = sh("advpack one two --layout sample -o both")
    assert done.returncode == 2
    assert "two images have the key '000000000'" in done.stderr and "--renumber" in done.stderr
    assert not [name for name in os.listdir() if name.startswith(("both", ".both"))]
    assert sh("advpack one two --layout sample --renumber -o both").returncode == 0
    assert sh("advls both --format csv").stdout.splitlines()[1].split(",")[2] == "6"
