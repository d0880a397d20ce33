"""Damaged archives: cut, flipped, or no archives at all; an error that says where, or images."""

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import READ, attacked, chunk_members, refused, stream, tar

from advlib.errors import DataError
from advlib.shards.set_files import find_sets
from advlib.shards.verify import verify

GOOD = chunk_members(key="000000003")


@pytest.mark.parametrize("size", [-5, 10**12, 10**30, "x"])
def test_sizes_in_extended_headers(tmp_path, size):
    info = tarfile.TarInfo("a.png")
    info.pax_headers = {"size": str(size), "comment": "x"}
    (tmp_path / "a.tar").write_bytes(tar([(info, b"")], tarfile.PAX_FORMAT))
    refused(tmp_path / "a.tar", "byte")


def test_a_size_that_no_memory_holds(tmp_path):
    header = tarfile.TarInfo("a.png")
    header.size = 10**18
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(9999))
    refused(tmp_path / "a.tar", "ends at byte 10511")


WHOLE = {
    "empty": (b"", "empty; expected a tar archive"),
    "zeros": (bytes(10240), "holds no images"),
    "no images": (tar([("readme", b"hello")]), "holds no images"),
    "gzip": (b"\x1f\x8b\x08" + bytes(600), "compressed with gzip"),
    "text": (b"hello " * 200, "not a tar archive"),
    "short": (b"hello", "ends at byte 5"),
    "a description that is none": (tar([("__advshards__", b"{}"), *GOOD]), "__advshards__"),
    "a description in no JSON": (tar([("__advshards__", b"{"), *GOOD]), "__advshards__: not JSON"),
    "wrong classes": (
        tar([("__advshards__", b'{"format":"advshards","classes":"ten"}'), *GOOD]),
        "classes",
    ),
    "wrong names": (
        tar([("__advshards__", b'{"format":"advshards","class_names":5}'), *GOOD]),
        "class_names",
    ),
    "wrong history": (
        tar([("__advshards__", b'{"format":"advshards","history":[5]}'), *GOOD]),
        "history",
    ),
    "labels past the classes": (
        tar([("__advshards__", b'{"format":"advshards","classes":2}'), *GOOD]),
        "label 2 of image 000000005",
        "2 classes",
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_files_that_are_no_shards(tmp_path, what):
    data, *said = WHOLE[what]
    (tmp_path / "a.tar").write_bytes(data)
    refused(tmp_path / "a.tar", *said)


@pytest.mark.parametrize("layout", ["chunk", "sample"])
def test_a_cut_anywhere_is_found_and_its_place_named(tmp_path, layout):
    archive = stream(attacked(5), layout, chunk=2)
    path = tmp_path / "a.tar"
    with tarfile.open(fileobj=io.BytesIO(archive)) as reader:
        members = reader.getmembers()
    places = {0, 1, len(archive) - 1024, len(archive) - 1023, len(archive) - 1, 511, 512}
    for member in members:
        end = member.offset_data + member.size
        places |= {member.offset, member.offset + 100, member.offset_data, end - 1, end, end + 1}
    assert len(places) > 60
    for cut in sorted(places):
        path.write_bytes(archive[:cut])
        if cut == len(archive) - 512:
            continue
        refused(path, f"ends at byte {cut}," if cut else "empty")


@settings(max_examples=100)
@given(data=st.data(), layout=st.sampled_from(["chunk", "sample"]))
def test_random_damage_ends_in_an_error_or_in_images(tmp_path_factory, data, layout):
    archive = bytearray(stream(attacked(3, shape=(2, 2, 3)), layout, chunk=2))
    with tarfile.open(fileobj=io.BytesIO(archive)) as reader:
        headers = [member.offset for member in reader]
    written = np.flatnonzero(np.frombuffer(bytes(archive), np.uint8)).tolist()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(written) | st.integers(0, len(archive) - 1))
        archive[at] = data.draw(st.integers(0, 255))
    for at in headers if data.draw(st.booleans()) else ():  # damage that the checksums do not tell
        block = archive[at : at + 512]
        block[148:156] = b" " * 8
        archive[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    path = tmp_path_factory.mktemp("fuzz") / "a.tar"
    path.write_bytes(archive)
    for read in READ:
        try:
            assert len(read(path)) > 0
        except DataError as err:
            assert "\n" not in str(err)
    for problem in verify(find_sets([str(path)])[0]):
        assert problem.problem and problem.file == str(path)
    path.unlink()
