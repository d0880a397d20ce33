"""HDF5 files of `image` and `label`, read in slices; whatever they hold, no other file is read."""

import contextlib
import itertools
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.file_kinds import HDF5, path_kind
from advlib.shards.chunk import Chunk
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.image_size import images_at_once
from advlib.shards.sources.image_label import KEYS, as_labels, check_image, check_keys, check_label
from advlib.shards.sources.source import FileForm, file_identity, spans

SUFFIXES = (".h5", ".hdf5")
CACHE = 64 << 20  # bytes; HDF5 decompresses a block anew for each slice where its cache is smaller
MOST_BLOCK = 1 << 28  # bytes of a block, which is in memory whole
TRUSTED_BLOCK = 1 << 20  # bytes of a compressed block that cannot become more than 1 GiB
CHECKSUM = 4  # bytes that another filter may add to a block before it is compressed
NAME = ("utf-8", "surrogateescape")  # how h5py has the names of links
LINKS = 16  # soft links that lead to an array at most


@dataclass(frozen=True, eq=False)
class Hdf5Source:
    """An HDF5 file as a Source; made by open_hdf5."""

    path: Path
    identity: dict
    count: int
    shape: tuple[int, ...]
    block: int  # bytes of the larger block
    class_names = None  # not in such files

    @property
    def name(self) -> str:
        return str(self.path)

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        with _open(self.path, max(CACHE, self.block)) as file:
            image_data, label_data = (_find(file, key, self.path) for key in KEYS)
            for begin, end in spans(start, self.count, images_at_once(self.shape, size)):
                _check_blocks(image_data, begin, end, self.path)
                _check_blocks(label_data, begin, end, self.path)
                with _naming(self.path, f" within images {begin} to {end - 1}"):
                    image, label = image_data[begin:end], label_data[begin:end]
                yield Chunk(image, as_labels(self.path, label, begin), np.arange(begin, end))


def open_hdf5(path: Path) -> Hdf5Source:
    """The data sets `image` (n, height, width, 1 or 3) uint8 and `label` (n,) of integers >= 0.

    Only their headers are read here.  Raises DataError where the file is no HDF5, is cut short or
    lacks a data set, or one is of another form, not all there or kept in other files.
    """
    identity = file_identity(path)
    if (found := path_kind(path)) not in ("", HDF5):
        raise DataError(f"{path}: {found}; expected HDF5")
    with _open(path) as file:
        with _naming(path):
            check_keys(path, list(map(str, file)))  # bytes where no UTF-8
        image, label = (_find(file, key, path) for key in KEYS)
        check_image(path, image.shape, image.dtype)
        check_label(path, label.shape, label.dtype, image.shape[0])
        block = max(
            _written_block(array, f"{path}: {key}")
            for key, array in (("image", image), ("label", label))
        )
        return Hdf5Source(path, identity, image.shape[0], image.shape[1:], block)


def _find(file: Any, key: str, path: Path) -> Any:
    """The h5py.Dataset at `key`, by links within the file alone.

    Raises DataError where a link leaves the file, or the array's values are in other files.
    """
    import h5py

    group, names, soft = file, [key], 0
    while names:
        name = names.pop(0)
        with _naming(path):
            kind = group.id.links.get_info(name.encode(*NAME)).type
            if kind == h5py.h5l.TYPE_SOFT:
                target = group.id.links.get_val(name.encode(*NAME)).decode(*NAME)
        if soft > LINKS:
            raise DataError(f"{path}: {key} links round in a circle; expected an array")
        if kind == h5py.h5l.TYPE_SOFT:
            group = file if target.startswith("/") else group
            names = [part for part in target.split("/") if part not in ("", ".")] + names
            soft += 1
            continue
        if kind != h5py.h5l.TYPE_HARD:
            raise DataError(f"{path}: {key} is a link out of the file; expected the array itself")
        with _naming(path):
            group = group[name]
        if names and not isinstance(group, h5py.Group):
            raise DataError(f"{path}: {key} links to nothing; expected an array")
    if not isinstance(group, h5py.Dataset) or group.shape is None:  # a group, or without values
        raise DataError(f"{path}: {key} is no array; expected a data set of numbers")
    if group.external or group.is_virtual:
        raise DataError(f"{path}: {key} has its values in other files; expected them in this one")
    return group


def _written_block(array: Any, where: str) -> int:
    """Bytes of a block of the array, 0 without blocks.

    DataError for values that were never written, which HDF5 would make up, and for huge blocks.
    """
    size = math.prod(array.chunks or (0,)) * array.dtype.itemsize
    if array.chunks is None:
        written, blocks = int(array.id.get_storage_size() > 0), 1
    else:
        written = array.id.get_num_chunks()
        sides = zip(array.shape, array.chunks, strict=True)
        blocks = math.prod(-(-side // block) for side, block in sides)
        filters = array.id.get_create_plist()
        kinds = [filters.get_filter(i)[0] for i in range(filters.get_nfilters())]
        if len(set(kinds)) < len(kinds):  # deflated twice, a byte can become a million
            raise DataError(f"{where}: filters {kinds}; expected each once")
        if size > MOST_BLOCK:
            raise DataError(f"{where}: blocks of {size} bytes; expected at most {MOST_BLOCK}")
    if written != blocks:
        raise DataError(f"{where}: {written} of {blocks} blocks were written; expected all")
    return size


def _check_blocks(array: Any, begin: int, end: int, path: Path) -> None:
    """DataError where deflated blocks of rows `begin` to `end` unpack to more than they should.

    HDF5 itself makes room for whatever they unpack to.
    """
    if array.compression != "gzip":
        return
    size = math.prod(array.chunks) * array.dtype.itemsize
    first, *others = (range(0, n, step) for n, step in zip(array.shape, array.chunks, strict=True))
    rows = first[begin // array.chunks[0] : -(-end // array.chunks[0])]
    for offset in itertools.product(rows, *others):
        with _naming(path):
            if array.id.get_chunk_info_by_coord(offset).size <= TRUSTED_BLOCK:
                continue
            _, packed = array.id.read_direct_chunk(offset)
        try:
            more = len(zlib.decompressobj().decompress(packed, size + CHECKSUM + 1)) - size
        except zlib.error:  # of a block that was not deflated, or is damaged, as HDF5 will say
            continue
        if more > CHECKSUM:
            raise DataError(
                f"{path}: a block unpacks to more than its {size} bytes; is it damaged?"
            )


def _open(path: Path, cache: int = CACHE) -> Any:
    """The h5py.File of a path; `cache`, bytes of unpacked blocks that it keeps."""
    import h5py

    with _naming(path):
        return h5py.File(path, "r", rdcc_nbytes=cache)


@contextlib.contextmanager
def _naming(path: Path, where: str = "") -> Iterator[None]:
    """DataError of the file for what h5py raises on broken files and unknown filters."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError) as err:
        if getattr(err, "errno", None):  # of the system: not permitted, locked by a writer
            raise
        raise DataError(f"{path}: not readable{where} ({err}); expected HDF5") from None


FORM = FileForm(
    expected="an .h5 or .hdf5 file",
    matches=lambda path: path.suffix.lower() in SUFFIXES and path.is_file(),
    open=lambda path, split, class_names: open_hdf5(path),
)
