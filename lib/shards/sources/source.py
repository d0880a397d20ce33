"""Source: labelled images that can be read from any position on, whatever they are kept in.

A data set known by name is a NamedDataset, a form of files a FileForm; both make Sources.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.splits import SPLITS

RGB = 3  # channels
DIGIT_NAMES = tuple("0123456789")  # classes of the data sets of digits


class Source(Protocol):
    """A data set that is read in one fixed order."""

    @property
    def name(self) -> str:
        """What people call it: `cifar10 test`, or the path."""

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of labels 0, 1, ...; None where only numbers are known."""

    @property
    def count(self) -> int:
        """How many images there are, at least 1."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels, of every image."""

    @property
    def identity(self) -> dict:
        """JSON values; equal where a resumed job would read the same images."""

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        """The images from position `start` >= 0 on, `size` >= 1 at a time, the last chunk shorter.

        Keys are the images' numbers in the array that was published: positions, but for a part
        of one (the images of `train-rest` begin with number 1024).  Only about one chunk of
        pictures is decoded at a time.  Raises DataError where images turn out to be broken.
        """


def contiguous_copy(image: np.ndarray) -> np.ndarray:
    """A contiguous copy, also of a transposed view."""
    return np.array(image, order="C")


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Images in memory, in the form in which they are kept.

    image: (n, ...) uint8, which `expand` turns into a new (n, height, width, channels) uint8.
    label: (n,) integers >= 0.
    first: key of the first image.
    """

    name: str
    class_names: tuple[str, ...] | None
    identity: dict
    image: np.ndarray
    label: np.ndarray
    first: int = 0
    expand: Callable[[np.ndarray], np.ndarray] = contiguous_copy

    @property
    def count(self) -> int:
        return len(self.label)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.expand(self.image[:1]).shape[1:]

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        for begin, end in spans(start, self.count, size):
            yield Chunk(
                self.expand(self.image[begin:end]),
                self.label[begin:end].astype(np.int64),
                np.arange(self.first + begin, self.first + end),
            )


def spans(start: int, count: int, size: int) -> Iterator[tuple[int, int]]:
    """Where chunks begin and end."""
    for begin in range(start, count, size):
        yield begin, min(begin + size, count)


def gray_to_rgb(image: np.ndarray) -> np.ndarray:
    """(n, height, width) as (n, height, width, 3), the level in each channel."""
    return np.repeat(image[..., None], RGB, axis=3)


def file_identity(path: Path) -> dict:
    """What changes when a file is replaced: absolute path, bytes, time of change in ns."""
    status = path.stat()
    return {"path": os.path.abspath(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns}


@dataclass(frozen=True)
class NamedDataset:
    """A data set that is known by name; `open` gives a split of it.

    class_names: of labels 0, 1, ...; known without the data.
    load: opens a split, given this object, the split and the folder in which the data set is kept
        and into which it is downloaded; raises CannotError where it can be neither found nor
        downloaded.
    in_files: whether it is kept in a folder, and does not come with the package.
    """

    name: str
    class_names: tuple[str, ...]
    load: Callable[["NamedDataset", str, Path], Source]
    splits: tuple[str, ...] = SPLITS
    in_files: bool = True

    def open(self, split: str, root: Path) -> Source:
        """A split of the data set; DataError for one that it has not."""
        if split not in self.splits:
            expected = ", ".join(self.splits)
            raise DataError(f"{self.name}: no split {split!r}; expected one of {expected}")
        return self.load(self, split, root)

    def source(
        self,
        split: str,
        image: np.ndarray,
        label: np.ndarray,
        first: int,
        expand: Callable[[np.ndarray], np.ndarray] = contiguous_copy,
    ) -> ArraySource:
        """The Source of a split whose arrays are as published; arguments as an ArraySource has."""
        identity = {"name": self.name, "split": split}
        name = f"{self.name} {split}"
        return ArraySource(name, self.class_names, identity, image, label, first, expand)


@dataclass(frozen=True)
class FileForm:
    """A form in which data sets lie in files.

    expected: the form in words, for messages.  matches: whether a path is of it.
    open: the Source of a path, given also a split, `train` unless another is asked for, and class
        names or None, which a form without them passes over.
    has_splits: whether files of it have splits.
    """

    expected: str
    matches: Callable[[Path], bool]
    open: Callable[[Path, str, Sequence[str] | None], Source]
    has_splits: bool = False
