"""The random numbers of attacks: of each image alone, or as the AutoAttack library draws them.

An attack on many images is on *lanes*, numbered from 0 in the order of the images.  `begin` says
which are left when a stage begins; what is drawn in the stage is asked for with the lanes that
are still left then, in rising order, and with integers that name the draw.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from advlib.jobs.keyed_random import uniform


def seed_of(*names: int) -> int:
    """A seed of 64 bits for what integers name."""
    digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


class Draws(Protocol):
    """Random numbers for lanes."""

    def begin(self, stage: int, lanes: Tensor) -> None:
        """Stage number `stage` begins with these lanes (n,)."""

    def uniform(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        """Numbers of each lane, (n, *shape) float32 in [0, 1)."""

    def normal(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        """Standard normal numbers of each lane, (n, *shape) float32."""

    def shared(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        """As `uniform`, for what the library draws once for all images of a batch."""


class Keyed:
    """Numbers by seed, stage, draw and the image's own number alone.

    They depend on no batch, no rank and no other image.
    """

    def __init__(self, seed: int, number: Tensor):
        """Draw for images.

        number: (lanes,) int64, of each image in its set; the draws are on its device.
        """
        self._seed, self._number, self._stage = seed, number, 0

    def begin(self, stage: int, lanes: Tensor) -> None:
        self._stage = stage

    def uniform(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        return uniform(self._number[lanes], seed_of(self._seed, self._stage, *draw), shape)

    def normal(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        # the middle of the 2^-24 wide cell: neither 0 nor 1, where the quantile is infinite
        middle = self.uniform(lanes, shape, *draw).double() + 2.0**-25
        return torch.special.ndtri(middle).float()

    shared = uniform


class Library:
    """The numbers that the library draws, with its default order and batches.

    At each stage it takes the images left in batches, and reseeds before each.  On the CPU, as
    the library draws on every device, but for one draw of APGD in widened L1 balls: there its
    starts on a GPU are others.
    """

    def __init__(self, seed: int, batch: int):
        """Draw as the library does with that seed and batch size."""
        self._seed, self._batch = seed, batch
        self._groups: list[tuple[Tensor, torch.Generator]] = []

    def begin(self, stage: int, lanes: Tensor) -> None:
        self._groups = [
            (group, torch.Generator().manual_seed(self._seed)) for group in lanes.split(self._batch)
        ]

    def uniform(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        return self._each(lanes, lambda n, source: torch.rand((n, *shape), generator=source))

    def normal(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        return self._each(lanes, lambda n, source: torch.randn((n, *shape), generator=source))

    def shared(self, lanes: Tensor, shape: Sequence[int], *draw: int) -> Tensor:
        return self._each(
            lanes, lambda n, source: torch.rand(tuple(shape), generator=source).expand(n, *shape)
        )

    def _each(self, lanes: Tensor, draw) -> Tensor:
        parts = []
        for group, source in self._groups:
            left = int(torch.isin(lanes, group).sum())
            if left:  # a batch without images asks for no numbers
                parts.append(draw(left, source))
        return torch.cat(parts).to(lanes.device)
