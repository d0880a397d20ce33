"""HDF5 files of `image` and `label`, read in slices."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.sources.image_label import KEYS, as_labels, check_image, check_keys, check_label
from advlib.shards.sources.source import FileForm, file_identity, spans

SUFFIXES = (".h5", ".hdf5")
CACHE = 64 << 20  # bytes; HDF5 decompresses a block anew for each slice where its cache is smaller


@dataclass(frozen=True, eq=False)
class Hdf5Source:
    """An HDF5 file as a Source; made by open_hdf5."""

    path: Path
    identity: dict
    count: int
    shape: tuple[int, ...]
    class_names = None  # not in such files

    @property
    def name(self) -> str:
        return str(self.path)

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        with _open(self.path) as file:
            for begin, end in spans(start, self.count, size):
                with _naming(self.path, f" within images {begin} to {end - 1}"):
                    image, label = (file[key][begin:end] for key in KEYS)
                yield Chunk(image, as_labels(self.path, label, begin), np.arange(begin, end))


def open_hdf5(path: Path) -> Hdf5Source:
    """The data sets `image` (n, height, width, 1 or 3) uint8 and `label` (n,) of integers >= 0.

    Only their headers are read here.  Raises DataError where the file is no HDF5, is cut short or
    lacks a data set, or one is of another form; CannotError where h5py is missing.
    """
    identity = file_identity(path)
    with _open(path) as file:
        with _naming(path):
            check_keys(path, list(map(str, file)))  # bytes where no UTF-8
            image, label = (file.get(key) for key in KEYS)
        for key, array in (("image", image), ("label", label)):
            if getattr(array, "shape", None) is None:  # a group, or without values
                raise DataError(f"{path}: {key} is no array; expected a data set of numbers")
        check_image(path, image.shape, image.dtype)
        check_label(path, label.shape, label.dtype, image.shape[0])
        return Hdf5Source(path, identity, image.shape[0], image.shape[1:])


def _open(path: Path) -> Any:
    """The h5py.File of a path."""
    import h5py

    with _naming(path):
        return h5py.File(path, "r", rdcc_nbytes=CACHE)


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
    matches=lambda path: path.suffix.lower() in SUFFIXES and path.exists() and not path.is_dir(),
    open=lambda path, split, class_names: open_hdf5(path),
)
