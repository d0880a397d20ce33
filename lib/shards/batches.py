"""Batches of images for training, in a given order, read by as many workers and ranks as wanted.

The sequence of batches is that of the `Order`, whatever the number of loader workers and ranks.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from advlib.errors import CannotError, DataError
from advlib.shards.chunk import Chunk, shape_text
from advlib.shards.order import Order


class Batch(NamedTuple):
    """b images.

    image: (b, height, width, channels) uint8.
    label: (b,) int64.
    position: (b,) int64, each image's place in the whole order, from 0.
    """

    image: torch.Tensor
    label: torch.Tensor
    position: torch.Tensor


class ImageSet(Protocol):
    """A set that an order reads from: a `ShardSet`, or anything alike."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image: height, width, channels."""

    def read(self, numbers: np.ndarray, fields: Collection[str] | None = None) -> Chunk:
        """The images with these numbers, (n,) integers in any order."""


class OrderedImages(IterableDataset):
    """The batches of `order` from batch `start` on, or the slices of them that `rank` takes.

    sets: what the order's parts number, in their order, and the real set last if there is one.

    Loader worker k of w yields every w-th batch, from start + k.  Errors of reading are raised, but
    yielded in a worker: there the loader would wrap a message of one line in a traceback.

    Raises DataError for sets whose images differ in shape, and for more ranks than a batch has
    images.
    """

    def __init__(
        self, order: Order, sets: Sequence[ImageSet], start: int = 0, rank: int = 0, ranks: int = 1
    ) -> None:
        self.order, self.sets = order, sets
        self.start, self.rank, self.ranks = start, rank, ranks
        order.batch(0, rank, ranks)
        self.shape = sets[0].shape
        for name, each in zip(order.names, sets, strict=True):
            if each.shape != self.shape:
                raise DataError(
                    f"{name}: images of {shape_text(each.shape)},"
                    f" expected {shape_text(self.shape)} as in {order.names[0]}"
                )

    def __iter__(self) -> Iterator[Batch | DataError | CannotError]:
        worker = get_worker_info()
        if worker is None:
            yield from (self.batch(t) for t in range(self.start, len(self.order)))
            return
        try:
            for t in range(self.start + worker.id, len(self.order), worker.num_workers):
                yield self.batch(t)
        except (DataError, CannotError) as error:
            yield error

    def batch(self, t: int) -> Batch:
        """Batch `t` of the order, or this rank's slice of it, which can be empty in the last."""
        indices = self.order.batch(t, self.rank, self.ranks)
        image = np.empty((len(indices.part), *self.shape), np.uint8)
        label = np.empty(len(indices.part), np.int64)
        for i in np.unique(indices.part):
            where = np.flatnonzero(indices.part == i)
            chunk = self.sets[i].read(indices.number[where], fields=())
            image[where], label[where] = chunk.image, chunk.label
        return Batch(*map(torch.from_numpy, (image, label, indices.position)))


def loader(
    order: Order,
    sets: Sequence[ImageSet],
    *,
    start: int = 0,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    pin: bool | None = None,
) -> Iterator[Batch]:
    """The batches of `OrderedImages`, once over, read by `workers` processes, or in this one for 0.

    pin: whether to put batches into page-locked memory, for fast copies to a GPU; None for where
        there is one.

    Raises DataError as `OrderedImages` does, at once.
    """
    images = OrderedImages(order, sets, start, rank, ranks)
    return _raising(
        DataLoader(
            images,
            batch_size=None,
            num_workers=workers,
            pin_memory=torch.cuda.is_available() if pin is None else pin,
            # A loader draws a seed for its workers; torch's own generator is left to training,
            # which would not be resumed exactly if starting a loader moved it on.
            generator=torch.Generator(),
        )
    )


def _raising(batches: DataLoader) -> Iterator[Batch]:
    """The batches; an error that a worker yields is raised."""
    for batch in batches:
        if isinstance(batch, Exception):
            raise batch
        yield batch
