"""HDF5 files whose arrays are in other files, never written, or larger than they should be."""

import zlib

import h5py
import numpy as np
import pytest
from making_sources import IMAGE, LABEL, N, everything, write_hdf5

from advlib.errors import DataError
from advlib.shards.sources import open_source

AT, BLOCK = (0, 0, 0, 0), (1, 5, 4, 3)


@pytest.fixture
def path(tmp_path):
    """Where a hostile file goes, beside a file of images and one of text."""
    write_hdf5(tmp_path / "good.h5", image=IMAGE, label=LABEL)
    (tmp_path / "passwd").write_bytes(b"root:x:0:0:" * 1000)
    return tmp_path / "x.h5"


def external(file):
    file.create_dataset("image", IMAGE.shape, np.uint8, external=[("passwd", 0, IMAGE.size)])


def external_in_a_group(file):
    file.create_dataset("g/i", IMAGE.shape, np.uint8, external=[("passwd", 0, IMAGE.size)])
    file["image"] = h5py.SoftLink("/g/i")


def virtual(file):
    layout = h5py.VirtualLayout(IMAGE.shape, np.uint8)
    layout[:] = h5py.VirtualSource("good.h5", "image", IMAGE.shape)
    file.create_virtual_dataset("image", layout)


def link_out(file):
    file["image"] = h5py.ExternalLink("good.h5", "/image")


def group_out(file):
    file["g/h"] = h5py.ExternalLink("good.h5", "/")
    file["image"] = h5py.SoftLink("g/h/image")


def circle(file):
    file["image"], file["b"] = h5py.SoftLink("b"), h5py.SoftLink("/image")


def dangling(file):
    file["image"] = h5py.SoftLink("/../../image")


def through_an_array(file):
    file["a"], file["image"] = IMAGE, h5py.SoftLink("a/b")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (external, "image has its values in other files"),
        (external_in_a_group, "image has its values in other files"),
        (virtual, "image has its values in other files"),
        (link_out, "image is a link out of the file"),
        (group_out, "image is a link out of the file"),
        (circle, "image links round in a circle"),
        (dangling, "name doesn't exist"),
        (through_an_array, "image links to nothing"),
    ],
)
def test_only_the_file_itself_is_read(path, make, said):
    with h5py.File(path, "w") as file:
        file["label"] = LABEL
        make(file)
    with pytest.raises(DataError, match=f"^{path}: .*{said}"):
        open_source(str(path))


def test_links_within_a_file_are_followed(path):
    with h5py.File(path, "w") as file:
        file["g/a"], file["g/b"] = IMAGE, LABEL
        file["image"], file["label"] = h5py.SoftLink("/g/./a"), h5py.SoftLink("g/c")
        file["g/c"] = h5py.SoftLink("b")
    found = everything(open_source(str(path)))
    np.testing.assert_array_equal(found.image, IMAGE)
    np.testing.assert_array_equal(found.label, LABEL)


@pytest.mark.parametrize("chunks", [None, (1, *IMAGE.shape[1:])])
def test_images_that_were_never_written_are_refused(path, chunks):
    with h5py.File(path, "w") as file:
        file["label"] = LABEL
        image = file.create_dataset("image", IMAGE.shape, np.uint8, chunks=chunks)
        if chunks:
            image[: N - 1] = IMAGE[: N - 1]
    with pytest.raises(DataError, match=f"{N - 1} of {N} blocks" if chunks else "0 of 1 blocks"):
        open_source(str(path))


def test_a_block_that_is_larger_than_memory_should_hold_is_refused(path):
    with h5py.File(path, "w") as file:
        chunks, file["label"] = (100, 1000, 1000, 3), np.zeros(100, int)
        file.create_dataset("image", chunks, np.uint8, chunks=chunks, compression="gzip")
    with pytest.raises(DataError, match=r"blocks of 300000000 bytes; expected at most 268435456"):
        open_source(str(path))


def test_a_block_that_unpacks_to_more_than_it_should_is_refused(path):
    pack = zlib.compressobj(1)
    bomb = b"".join(pack.compress(bytes(1 << 24)) for _ in range(16)) + pack.flush()
    with h5py.File(path, "w") as file:
        file["label"] = [0]
        image = file.create_dataset("image", BLOCK, np.uint8, chunks=BLOCK, compression="gzip")
        image.id.write_direct_chunk(AT, bomb)
    assert len(bomb) > 1 << 20
    with pytest.raises(DataError, match="a block unpacks to more than its 60 bytes"):
        list(open_source(str(path)).chunks())


def test_a_block_that_is_deflated_twice_is_refused(path):
    with h5py.File(path, "w") as file:
        file["label"] = [0]
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk(BLOCK)
        how.set_deflate(1)
        how.set_deflate(1)
        space = h5py.h5s.create_simple(BLOCK)
        image = h5py.h5d.create(file.id, b"image", h5py.h5t.NATIVE_UINT8, space, how)
        h5py.Dataset(image)[:] = IMAGE[:1]
    with pytest.raises(DataError, match=r"image: filters \[1, 1\]; expected each once"):
        open_source(str(path))


def test_large_deflated_blocks_with_checksums_read(path):
    image = np.random.default_rng(0).integers(0, 256, (700, 32, 32, 3), np.uint8)
    with h5py.File(path, "w") as file:
        file["label"] = np.zeros(700, int)
        how = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        file.create_dataset("image", data=image, chunks=(600, 32, 32, 3), **how)
    np.testing.assert_array_equal(everything(open_source(str(path)), size=1000).image, image)
