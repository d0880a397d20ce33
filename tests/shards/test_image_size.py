"""Small files that ask for much memory are read in little of it, or refused."""

import gzip
import io
import itertools
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from making import chunk_members, npy, sample_members, tar
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

N, SIDE = 7, 4000  # pictures of 48 MB each
ROOM = 500  # MB beyond what the imports take

CHILD = """
import resource, sys
from pathlib import Path
import h5py, numpy, PIL.Image
from advlib.errors import DataError
from advlib.shards.reader import open_set
from advlib.shards.sources import open_source
from advlib.shards.stream import ShardStream
from advlib.shards.set_files import find_sets
from advlib.shards.verify import verify

def count(chunks):
    return sum(len(chunk) for chunk in chunks)

def by_number(path):
    shards = open_set([path])
    return count(shards.read(numpy.array([i])) for i in range(len(shards)))

READ = {
    "source": lambda path: count(open_source(path).chunks()),
    "set": lambda path: count(open_set([path]).chunks()),
    "number": by_number,
    "verify": lambda path: [problem.problem for problem in verify(find_sets([path])[0])],
}
PIL.Image.init()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[3]) << 20),) * 2)
try:
    print(READ[sys.argv[1]](sys.argv[2]))
except DataError as err:
    print(err)
"""


def in_little_memory(read, path):
    """What reading prints, with ROOM beyond what the imports take."""
    line = [sys.executable, "-c", CHILD, read, str(path), str(ROOM)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write_header(file, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


@pytest.fixture(scope="module")
def picture():
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (1, 2, 3)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def bombs(tmp_path_factory, picture):
    """A folder with the same large pictures as shards and in a folder."""
    folder = tmp_path_factory.mktemp("bombs")
    members = [sample_members(f"{i:09d}", png=None, jpg=picture) for i in range(N)]
    (folder / "a.tar").write_bytes(tar([*itertools.chain.from_iterable(members)]))
    (folder / "set" / "c").mkdir(parents=True)
    for i in range(N):
        (folder / "set" / "c" / f"{i}.png").write_bytes(picture)
    return folder


@pytest.mark.parametrize("read", ["set", "number", "source"])
def test_large_pictures_are_decoded_few_at_a_time(bombs, read):
    assert in_little_memory(read, bombs / ("set" if read == "source" else "a.tar")) == str(N)


def test_a_deflated_array_is_unpacked_few_images_at_a_time(tmp_path):
    path, shape = tmp_path / "x.npz", (N, SIDE, SIDE, 3)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("image.npy", "w") as file:
            write_header(file, shape)
            for _ in range(N):
                file.write(bytes(SIDE * SIDE * 3))
        archive.writestr("label.npy", npy(np.zeros(N, int)))
    assert in_little_memory("source", path) == str(N)


def test_a_deflated_header_of_any_length_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("image.npy", "w") as file:
            file.write(b"\x93NUMPY\2\0" + (1 << 30).to_bytes(4, "little"))
            for _ in range(64):
                file.write(b" " * (1 << 24))
        archive.writestr("label.npy", npy(np.zeros(N, int)))
    assert "image is no NumPy array" in in_little_memory("source", path)


@pytest.mark.parametrize("read", ["set", "number", "verify"])
@pytest.mark.parametrize("members", [sample_members, chunk_members])
def test_json_that_takes_many_times_its_room_is_refused(tmp_path, read, members):
    text = b'{"x":[' + b"[]," * ((1 << 26) // 3) + b"[]]}"
    key = {"key": "000000000"} if members is sample_members else {}
    (tmp_path / "a.tar").write_bytes(tar(members(**key, json=text)))
    assert "67108873 bytes of JSON; expected at most" in in_little_memory(read, tmp_path / "a.tar")


def test_the_description_is_held_to_the_same(tmp_path):
    about = ("__advshards__", b'{"format":"advshards","x":[' + b"[]," * (1 << 25) + b"[]]}")
    (tmp_path / "a.tar").write_bytes(tar([about, *sample_members("k")]))
    assert "bytes of JSON; expected at most" in in_little_memory("set", tmp_path / "a.tar")


def test_an_idx_file_holds_a_million_images_at_most(tmp_path):
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in ((1 << 20) + 1, 28, 28))
    with gzip.open(tmp_path / "train-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(49):
            file.write(bytes(1 << 24))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 16, 0, 1]))
    assert "1048577 values; expected at most 1048576" in in_little_memory("source", tmp_path)
