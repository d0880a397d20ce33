"""Batches of images for training, in a given order, read by as many workers and ranks as wanted.

The sequence of batches is that of the `Order`, whatever the number of loader workers and ranks.
`read_batches` gives what advtrain reads; `loader` the batches of any order.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from advlib.errors import CannotError, DataError
from advlib.jobs.signals import end_with_parent, held
from advlib.shards.chunk import Chunk, shape_text
from advlib.shards.order import Order, Part
from advlib.shards.reader import ShardSet

Passes: TypeAlias = int | float | str | Fraction  # 1.5 or "3/2"


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
    """A set that batches are read from: a `ShardSet`, or anything alike."""

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
            worker_init_fn=end_with_parent,
        )
    )


def _raising(loader: DataLoader) -> Iterator[Batch]:
    """The batches; an error that a worker yields is raised."""
    with held():  # a signal to the group would end the workers before the step that reads them
        batches = iter(loader)
    for batch in batches:
        if isinstance(batch, Exception):
            raise batch
        yield batch


class ReadBatches:
    """The batches of an order over sets, from where a state says; made by `read_batches`.

    Iterate over it for each Batch in turn.  `state` is what `read_batches` needs to go on behind
    the last batch that came, as a JSON document; `len` counts the batches of the whole order, and
    `images` its images.
    """

    def __init__(self, order: Order, sets: Sequence[ImageSet], start: int, **reading: Any):
        self._order, self._sets, self._start, self._reading = order, sets, start, reading
        self._images = min(start * order.batch_size, order.images)  # seen, over all ranks

    def __len__(self) -> int:
        return len(self._order)

    @property
    def images(self) -> int:
        """Images of the whole order, over all ranks."""
        return self._order.images

    @property
    def state(self) -> dict:
        """What reading on needs; the same on every rank."""
        return self._order.state(self._images)

    def __iter__(self) -> Iterator[Batch]:
        for batch in loader(self._order, self._sets, start=self._start, **self._reading):
            self._start += 1
            self._images = min(self._start * self._order.batch_size, self._order.images)
            yield batch


def read_batches(
    sets: ShardSet | Sequence[ShardSet],
    batch: int,
    *,
    passes: Passes | Sequence[Passes] = 1,
    seed: int = 0,
    real: ShardSet | None = None,
    share: Passes = 0,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    state: Mapping | None = None,
) -> ReadBatches:
    """The batches that advtrain reads with the same sets, batch size and seed, as tensors.

    sets: one set, or several that are read one after another.
    batch: images of a batch over all ranks, >= 1.
    passes: how often each set is read, > 0; one number for all, or one each.
    real: a set of real images, which are the `share` of every batch, in [0, 1), and come over and
        over.
    rank, ranks: this process takes its slice of every batch.
    workers: processes that read, 0 for this one.
    state: the `state` of what was read before, of these very sets and arguments (but rank, ranks
        and workers), to go on behind it.

    Raises DataError for arguments that do not go together, and for a state of another order.
    """
    sets = [sets] if isinstance(sets, ShardSet) else list(sets)
    times = passes if isinstance(passes, Sequence) else [passes] * len(sets)
    parts = [
        Part(each.chunk_sizes, Fraction(number), each.name, each.digest)
        for each, number in zip(sets, times, strict=True)
    ]
    real_part = None
    if real is not None:
        real_part = Part(real.chunk_sizes, Fraction(1), real.name, real.digest)
    order = Order(parts, batch, seed, real_part, Fraction(share))
    start = 0 if state is None else order.resume(state)
    all_sets = [*sets, *([real] if real is not None else [])]
    return ReadBatches(order, all_sets, start, rank=rank, ranks=ranks, workers=workers)
