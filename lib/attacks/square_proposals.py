"""Where Square Attack starts and what it tries next, in balls of Linf, L2 and L1.

Images, their best points so far and candidates are (n, c, h, w) float32 in units of [0, 1].
Every image has a square at a place of its own; the side, in pixels, is the same for all.

What is random comes as numbers in [0, 1), so that who draws them decides how.  Of those of a step,
(n, shared + own), the library draws the first `shared` once for a batch, the others per image.

Source: Andriushchenko, Croce, Flammarion and Hein 2020 (arXiv 1912.00049), Sec. 3: the schedule of
sides (3.2), Alg. 2 for Linf, Alg. 3 for L2.  L1 is Croce and Hein 2021 (arXiv 2103.01208), Sec. 4.
Starts, orders of operations and odd ends are AutoAttack's: its verdicts hang on them.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from advlib.attacks.balls import INSIDE, back_l1
from advlib.attacks.draws import Draws

FIRST_SHARE = 0.8  # of the pixels that a square covers at the beginning
HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # the last steps before the share halves
TILES = 5  # from top to bottom, where the search in L2 and L1 starts
TINY = 1e-12  # keeps the direction of nothing finite


class Proposals(Protocol):
    """The proposals of one norm.

    shared, own: how many numbers a step takes, of those drawn once for a batch and per image.
    """

    shared: int
    own: int

    def draw(self, draws: Draws, lanes: Tensor) -> Tensor:
        """The numbers of the start, (n, ...)."""

    def start(self, images: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Where the search starts: all rows (n,), and the candidates (n, c, h, w)."""

    def side(self, step: int) -> int:
        """Side of the square at a step, in pixels."""

    def propose(
        self, images: Tensor, best: Tensor, numbers: Tensor, side: int
    ) -> tuple[Tensor, Tensor]:
        """The rows (m,) with a candidate other than `best` itself, and the candidates (m, ...)."""

    def tried(self, images: Tensor, best: Tensor, numbers: Tensor, side: int) -> Tensor:
        """The candidates of all rows, (n, c, h, w); waits for no device."""


def proposals(norm: str, eps: float, shape: Sequence[int]) -> Proposals:
    """The proposals for images of a shape (c, h, w) in balls of radius `eps`."""
    return LinfProposals(eps, shape) if norm == "Linf" else L1L2Proposals(norm, eps, shape)


class LinfProposals:
    """Linf: a square of one colour, as far from the image as the ball allows."""

    def __init__(self, eps: float, shape: Sequence[int]):
        self._eps, self._shape = eps, tuple(shape)
        self.shared, self.own = 2 + shape[0], 0

    def draw(self, draws: Draws, lanes: Tensor) -> Tensor:
        c, _, w = self._shape
        return draws.uniform(lanes, (c, 1, w), 0)

    def start(self, images: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Vertical stripes."""
        return _every(images), (images + self._eps * _sign(numbers)).clamp_(0, 1)

    def side(self, step: int) -> int:
        return min(max(_covering(step, self._shape), 1), *self._shape[1:])

    def propose(
        self, images: Tensor, best: Tensor, numbers: Tensor, side: int
    ) -> tuple[Tensor, Tensor]:
        place, old, new = self._square(images, best, numbers, side)
        rows = (new != old).flatten(1).any(1).nonzero()[:, 0]
        candidates = best[rows]
        candidates.flatten(2).scatter_(2, place[rows], new[rows])
        return rows, candidates

    def tried(self, images: Tensor, best: Tensor, numbers: Tensor, side: int) -> Tensor:
        place, _, new = self._square(images, best, numbers, side)
        return best.flatten(2).scatter(2, place, new).view_as(best)

    def _square(
        self, images: Tensor, best: Tensor, numbers: Tensor, side: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Where the pixels of the squares are, what is there, and what is tried, (n, c, side^2).

        Outside the square all are where clipping leaves them, so only the square is computed.
        """
        place = _places(numbers, side, self._shape)
        old, centre = best.flatten(2).gather(2, place), images.flatten(2).gather(2, place)
        new = old + (2 * self._eps) * _sign(numbers[:, 2:])[:, :, None]
        new = torch.clamp(new, centre - self._eps, centre + self._eps).clamp_(0, 1)
        return place, old, new


class L1L2Proposals:
    """L2 and L1: perturbation moves from one square to another, in two pyramids of unlike sign.

    For images of 5 rows or more.
    """

    shared = 5

    def __init__(self, norm: str, eps: float, shape: Sequence[int]):
        self._norm, self._eps, self._shape = norm, eps, tuple(shape)
        self.own, h, w = self._shape
        self._tile = h // TILES
        self._tiles = h // self._tile, w // self._tile

    def draw(self, draws: Draws, lanes: Tensor) -> Tensor:
        tiles = math.prod(self._tiles)  # none in a row narrower than one
        numbers = torch.empty(len(lanes), tiles, 1 + self.own, device=lanes.device)
        for tile in range(tiles):
            numbers[:, tile, :1] = draws.shared(lanes, (1,), 0, tile)
            numbers[:, tile, 1:] = draws.uniform(lanes, (self.own,), 1, tile)
        return numbers

    def start(self, images: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Tiles, each of two pyramids of unlike sign."""
        n, (c, h, w), side = len(images), self._shape, self._tile
        shapes = _two_pyramids(side, self._norm, images.device)[_turned(numbers[:, :, 0])]
        tiles = shapes[:, :, None] * _sign(numbers[:, :, 1:])[..., None]  # (n, tiles, c, side^2)
        tiles = tiles.view(n, *self._tiles, c, side, side).permute(0, 3, 1, 4, 2, 5)
        tiles = tiles.reshape(n, c, self._tiles[0] * side, self._tiles[1] * side)
        delta, edge = torch.zeros_like(images), (h - TILES * side) // 2
        # the tiles of images below 10 pixels stand out over the border
        tiles = tiles[:, :, : h - edge, : w - edge]
        delta[:, :, edge : edge + tiles.shape[2], edge : edge + tiles.shape[3]] = tiles
        return _every(images), self._finish(images, delta)

    def side(self, step: int) -> int:
        return min(max(_covering(step, self._shape), 3) | 1, *self._shape[1:])

    def propose(
        self, images: Tensor, best: Tensor, numbers: Tensor, side: int
    ) -> tuple[Tensor, Tensor]:
        return _every(images), self.tried(images, best, numbers, side)

    def tried(self, images: Tensor, best: Tensor, numbers: Tensor, side: int) -> Tensor:
        c, delta = self.own, (best - images).flatten(2)
        place = _places(numbers, side, self._shape)
        emptied = _places(numbers[:, 2:], side, self._shape)
        old = delta.gather(2, place)
        work = torch.zeros_like(delta[:, :1])
        work = delta * work.scatter_(2, place[:, :1], 1).scatter_(2, emptied[:, :1], 1)
        budget = self._size(work, work)  # the norm in both squares together
        spent = self._size(delta.flatten(1), work.flatten(1))[:, :, None]
        new = _two_pyramids(side, self._norm, images.device)[_turned(numbers[:, 4])][:, None]
        new = new * _sign(numbers[:, 5:])[:, :, None] + old / (TINY + self._size(old))
        new = new / (TINY + self._size(new))
        if self._norm == "L2":
            unspent = (torch.tensor(self._eps) ** 2 - spent**2).clamp_(min=0)
            new = new * (unspent / c + budget**2).sqrt()
        else:
            unspent = (self._eps - spent).clamp_(min=0)
            new = new * (unspent / c + budget) * c
        delta.scatter_(2, emptied, 0).scatter_(2, place, new)
        return self._finish(images, delta.view_as(images))

    def _size(self, values: Tensor, work: Tensor | None = None) -> Tensor:
        """The norm over the last axis, which is kept; `work` is memory to do it in."""
        if self._norm == "L2":
            return torch.square(values, out=work).sum(-1, keepdim=True).sqrt_()
        return torch.abs(values, out=work).sum(-1, keepdim=True)

    def _finish(self, images: Tensor, delta: Tensor) -> Tensor:
        """The images with a perturbation, which is lost, brought into ball and box."""
        if self._norm == "L1":
            return images + delta + back_l1(images, delta, self._eps * INSIDE)
        flat = delta.flatten(1)
        flat.div_(self._size(flat).add_(TINY)).mul_(self._eps)
        return delta.add_(images).clamp_(0, 1)


@lru_cache(maxsize=64)
def _two_pyramids(side: int, norm: str, device: torch.device) -> Tensor:
    """A pyramid above one of the other sign, of norm 1 together; and its transpose, (2, side^2).

    Source: Andriushchenko et al. 2020, Sec. 3.4, Eq. 2 and Fig. 3.
    """
    half = side // 2
    shape = torch.cat((_pyramid(half, side, norm), -_pyramid(side - half, side, norm)))
    shape = shape / _norm_of(shape, norm)
    return torch.stack((shape, shape.T)).flatten(1).to(device)


def _pyramid(height: int, width: int, norm: str) -> Tensor:
    """Concentric rectangles stacked into a pyramid, (height, width), of norm 1."""
    row = (torch.arange(height) - height // 2).abs()
    column = (torch.arange(width) - width // 2).abs()
    ring = torch.maximum(row[:, None], column)
    out = torch.zeros(height, width)
    for k in range(max(height // 2, width // 2) + 1):
        out += (ring <= k) / (torch.tensor(k + 1.0) ** (2 if norm == "L2" else 4))
    return out / _norm_of(out, norm)


def _norm_of(values: Tensor, norm: str) -> Tensor:
    """The L2 or L1 norm of all values together."""
    return (values**2).sum().sqrt() if norm == "L2" else values.abs().sum()


def _covering(step: int, shape: Sequence[int]) -> int:
    """The side of a square that covers the share of the pixels due at a step."""
    c = shape[0]
    share = FIRST_SHARE / 2 ** bisect_left(HALVED, step)
    # by c and back, as the library has it, lest a half round to the other side
    return round(math.sqrt(share * math.prod(shape) / c))


def _places(numbers: Tensor, side: int, shape: Sequence[int]) -> Tensor:
    """Which pixels (n, c, side^2) of h w are in the squares at the first two numbers.

    The last row and the last column that would have room for a square are never its corner.
    """
    c, h, w = shape
    inner = _offsets(side, w, numbers.device)
    if h == w:
        top, left = (numbers[:, :2] * (h - side)).long().unbind(1)
    else:
        top, left = ((numbers[:, k] * (room - side)).long() for k, room in enumerate((h, w)))
    return torch.add(left, top, alpha=w)[:, None, None].add(inner).expand(-1, c, -1)


@lru_cache(maxsize=64)
def _offsets(side: int, width: int, device: torch.device) -> Tensor:
    """The pixels of a square with its corner at pixel 0, (side^2,)."""
    step = torch.arange(side, device=device)
    return (step[:, None] * width + step).flatten()


def _every(images: Tensor) -> Tensor:
    return torch.arange(len(images), device=images.device)


def _sign(numbers: Tensor) -> Tensor:
    """-1 or 1, from numbers in [0, 1); 0 from a half itself."""
    return (2 * numbers - 1).sign_()


def _turned(numbers: Tensor) -> Tensor:
    return (numbers > 0.5).long()
