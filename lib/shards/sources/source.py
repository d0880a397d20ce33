"""Source: labelled images that can be read from any position on, whatever they are kept in."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from advlib.shards.chunk import IMAGES, Chunk

RGB = 3  # channels


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
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels, of every image."""

    @property
    def identity(self) -> dict:
        """JSON values; equal where a resumed job would read the same images."""

    def chunks(self, start: int = 0, size: int = IMAGES) -> Iterator[Chunk]:
        """The images from position `start` >= 0 on, `size` >= 1 at a time, the last chunk shorter.

        Keys are the images' numbers in the array that was published: positions, but for a part
        of one (the images of `train-rest` begin with number 1024).  Only about one chunk of
        pictures is decoded at a time.  Raises DataError where images turn out to be broken.
        """


def copy(image: np.ndarray) -> np.ndarray:
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
    expand: Callable[[np.ndarray], np.ndarray] = copy

    @property
    def count(self) -> int:
        return len(self.label)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.expand(self.image[:1]).shape[1:]

    def chunks(self, start: int = 0, size: int = IMAGES) -> Iterator[Chunk]:
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
