"""Verify: what is wrong with a set is said, all of it, and where."""

import numpy as np
import pytest
from making import (
    Pipe,
    attacked,
    chunk_members,
    everything,
    images,
    npy,
    sample_members,
    tar,
    write,
)
from making_problems import problems

from advlib.shards.verify import verify_stream


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_any_flipped_byte_is_found_by_the_checksum(tmp_path, layout):
    write(tmp_path / "a", attacked(9), layout, chunk=4, shard=4)
    assert problems(tmp_path / "a") == []
    path = tmp_path / "a-000001.tar"
    whole = path.read_bytes()
    for at in range(0, len(whole), 197):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        found = problems(tmp_path / "a")
        assert found and {p.file for p in found} <= {str(path), f"{tmp_path}/a.index.json"}
        assert any(p.problem.startswith("sha256 ") for p in found)


def test_verify_lists_every_broken_chunk_of_a_shard(tmp_path):
    parts = [
        chunk_members(),
        chunk_members(key="000000003", label__npy=npy([1, -1, 2])),
        chunk_members(key="000000006"),
        chunk_members(key="000000009", image__npy=b"junk"),
        chunk_members(key="000000012", json=b"{"),
        chunk_members(key="000000015", image__npy=npy(np.zeros((3, 9, 9, 3), np.uint8))),
        chunk_members(key="000000018", extra__npy=npy([1, 2, 3])),
        chunk_members(key="000000021"),
    ]
    archive = tar([member for part in parts for member in part])
    (tmp_path / "a.tar").write_bytes(archive)
    for found in (problems(tmp_path / "a.tar"), list(verify_stream(Pipe(archive), "-"))):
        assert [p.sample for p in found] == [f"{i:09d}" for i in (3, 9, 12, 15, 18)]
        for problem, words in zip(
            found, ["label -1", "not an array", "not JSON", "9x9x3", "extra"], strict=True
        ):
            assert words in problem.problem


def test_verify_lists_every_broken_sample_and_what_ends_the_shard(tmp_path):
    parts = [
        sample_members("a"),
        sample_members("b", b"x"),
        sample_members("c", png=b"x"),
        sample_members("d"),
        sample_members("e", label=None),
        sample_members("f"),
    ]
    archive = tar([member for part in parts for member in part])
    (tmp_path / "a.tar").write_bytes(archive[:-10240])
    found = problems(tmp_path / "a.tar")
    assert [p.sample for p in found][:3] == ["b", "c", "e"]
    assert len(found) == 4 and "ends at byte" in found[3].problem


def test_verify_finds_misplaced_chunks_and_goes_on_after_a_broken_one(tmp_path):
    name = write(tmp_path / "a", images(12), chunk=2, shard=12)
    broken = [
        chunk_members(2, "000000000"),
        chunk_members(2, "000000002", image__npy=b""),
        chunk_members(2, "000000004"),
        chunk_members(2, "000000005"),
    ]
    (tmp_path / "a-000000.tar").write_bytes(tar([m for part in broken for m in part]))
    found = [(p.sample, p.problem) for p in problems(name) if p.sample]
    assert [sample for sample, _ in found] == ["000000002", "000000005"]
    assert "asks for key 000000006" in found[1][1]


def test_verify_finds_keys_that_come_twice_anywhere_in_a_set(tmp_path):
    key = np.arange(23)
    key[19] = 2
    name = write(tmp_path / "a", images(23, key=key), chunk=4, shard=8)
    (found,) = problems(name)
    assert "image 19 has the key of image 2" in found.problem


def test_a_whole_set_has_no_problems_and_reads_back(made):
    assert problems(made[0]) == [] and len(everything(made[0])) == 23
