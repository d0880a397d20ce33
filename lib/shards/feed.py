"""Batches of images for training, in a given order, and what is done to them on the device.

The sequence of batches is that of the `Order`, whatever the number of loader workers and ranks.
Augmentation is drawn from the seed and from each image's position in the order, by a hash instead
of a generator with a state: an image is cropped and flipped alike on every device, in any split of
a batch, and after a resumed run comes to it again.

Source: crop and flip as in Bartoldson et al. 2024, on synthetic images too.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from advlib.errors import CannotError, DataError
from advlib.jobs.keyed_random import shift_right, splitmix64
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


class OrderedImages(IterableDataset):
    """The batches of `order` from batch `start` on, or the slices of them that `rank` takes.

    sets: what the order's parts number, in their order, and the real set last if there is one: a
        `ShardSet`, or anything with its `shape` and `read`.

    Loader worker k of w yields every w-th batch, from start + k.  Errors of reading are raised, but
    yielded in a worker: there the loader would wrap a message of one line in a traceback.

    Raises DataError for sets whose images differ in shape, and for more ranks than a batch has
    images.
    """

    def __init__(
        self, order: Order, sets: Sequence, start: int = 0, rank: int = 0, ranks: int = 1
    ) -> None:
        self.order, self.sets = order, sets
        self.start, self.rank, self.ranks = start, rank, ranks
        order.batch(0, rank, ranks)
        self.shape = sets[0].shape
        for name, each in zip(order.names, sets, strict=True):
            if each.shape != self.shape:
                raise DataError(
                    f"{name}: images of {_text(each.shape)},"
                    f" expected {_text(self.shape)} as in {order.names[0]}"
                )

    def __iter__(self) -> Iterator[Batch]:
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
        picks = self.order.batch(t, self.rank, self.ranks)
        image = np.empty((len(picks.part), *self.shape), np.uint8)
        label = np.empty(len(picks.part), np.int64)
        for i in np.unique(picks.part):
            where = np.flatnonzero(picks.part == i)
            chunk = self.sets[i].read(picks.number[where], fields=())
            image[where], label[where] = chunk.image, chunk.label
        return Batch(*map(torch.from_numpy, (image, label, picks.position)))


def loader(
    order: Order,
    sets: Sequence,
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
    return _unwrapped(
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


def _unwrapped(batches: DataLoader) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def to_float(image: torch.Tensor) -> torch.Tensor:
    """(b, height, width, channels) uint8 as (b, channels, height, width) float32 in [0, 1]."""
    planes = image.permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def augment(
    image: torch.Tensor, position: torch.Tensor, seed: int, padding: int = 4
) -> torch.Tensor:
    """Crop each image at random from itself with a black border, and flip half of them.

    image: (b, height, width, channels) uint8.
    position: (b,) int64 on the same device.
    seed: an integer; together with `position` it fixes the draws of `crops`.
    padding: of the border, in pixels, >= 0.

    The result has the shape, type and device of `image`.
    """
    b, height, width, channels = image.shape
    top, left, flip = crops(position, seed, padding)
    padded = pad(image, (0, 0, padding, padding, padding, padding))
    row = top[:, None] + torch.arange(height, device=image.device)
    column = torch.arange(width, device=image.device)
    column = left[:, None] + torch.where(flip[:, None], width - 1 - column, column)
    # One gather of pixels by flat index; on a CPU it outruns indexing unfolded views by half.
    first = torch.arange(b, device=image.device) * padded.shape[1]
    pixel = (first[:, None] + row)[:, :, None] * padded.shape[2] + column[:, None, :]
    return padded.reshape(-1, channels).index_select(0, pixel.reshape(-1)).view(image.shape)


def crops(
    position: torch.Tensor, seed: int, padding: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where `augment` crops each image, and whether it flips it.

    Three tensors (b,) on the device of `position`: the first row and the first column of the crop
    in the padded image, int64, uniform over 0 to 2 * padding; the truth value of a left-right flip,
    even odds.  The three are independent, and so are images at different positions.
    """
    side = 2 * padding + 1
    # The high half of the hash times the number of outcomes, over 2^32: uniform to 1 in 2^32 / 162.
    draw = (shift_right(splitmix64(position, seed), 32) * (2 * side * side)) >> 32
    return draw // 2 // side, draw // 2 % side, draw % 2 == 1
