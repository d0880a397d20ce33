"""Random numbers as a function of a key alone: a seed, and a purpose or an image's number.

They do not change between versions of NumPy and torch, and since nothing has a state, not with
batches, ranks, devices or resumed jobs.  Those of a tensor are computed on its device.

Sources: Philox (Salmon et al. 2011) as NumPy has it; splitmix64 (Steele, Lea, Flood, OOPSLA 2014,
Fig. 16, with the constants of Stafford's variant 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import pi, prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:  # torch takes seconds to import, and its tensors are used by their methods alone
    from torch import Tensor

    Words = TypeVar("Words", np.ndarray, Tensor)

WORD = 1 << 64
GAMMA = 0x9E3779B97F4A7C15  # the step of splitmix64: odd, near 2^64 over the golden ratio
MULTIPLIERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # each after its right shift


def words(*purpose: str | int, size: int) -> np.ndarray:
    """Random 64-bit words, (size,) uint64, a stream of its own for every `purpose`.

    They are the raw words of the counter-based generator Philox, which NumPy keeps the same
    between its versions, unlike the permutations and numbers that it makes of them.
    """
    text = " ".join(map(str, purpose)).encode()
    key = int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
    return np.random.Philox(key=key).random_raw(size)


def permutation(*purpose: str | int, size: int) -> np.ndarray:
    """A uniform permutation of `size` numbers, (size,) int64, its own for every `purpose`."""
    return np.argsort(words(*purpose, size=size), kind="stable")


def distinct_words(numbers: np.ndarray, seed: int) -> np.ndarray:
    """One random word for each of `numbers`, (n,) uint64, different for different numbers.

    It depends on the seed and the number alone, so any part of a set can be drawn by itself.
    """
    key = int.from_bytes(blake2b(f"mixed {seed}".encode(), digest_size=8).digest())
    return _mix((numbers.astype(np.int64) + _signed(key)) * _signed(GAMMA)).view(np.uint64)


def uniform(position: Tensor, seed: int, shape: Sequence[int]) -> Tensor:
    """Numbers of each image, (b, *shape) float32 in [0, 1), multiples of 2^-24.

    position: (b,) int64; the result is on its device.  Every image has a stream of its own.
    """
    index = position.new_ones(prod(shape)).cumsum(0)
    word = _mix(splitmix64(position, seed)[:, None] + index * _signed(GAMMA))
    return (shift_right(word, 40).float() * 2.0**-24).view(len(position), *shape)


def normal(position: Tensor, seed: int, shape: Sequence[int]) -> Tensor:
    """Standard normal numbers of each image, (b, *shape) float64, as `uniform` gives others.

    By the method of Box and Muller 1958, from two numbers of 53 bits each.
    """
    count = prod(shape)
    index = position.new_ones(2 * count).cumsum(0)
    word = _mix(splitmix64(position, seed)[:, None] + index * _signed(GAMMA))
    first, second = ((shift_right(word, 11).double() + 0.5) * 2.0**-53).split(count, 1)
    return ((-2 * first.log()).sqrt() * (2 * pi * second).cos()).view(len(position), *shape)


def splitmix64(position: Tensor, seed: int) -> Tensor:
    """Output `position` of the generator splitmix64 begun at `seed`: (b,) int64, 64 random bits."""
    return _mix((position + 1) * _signed(GAMMA) + _signed(seed))


def shift_right(word: Words, by: int) -> Words:
    """64 bits held as int64 shifted right with zeros; >> alone would copy the sign down."""
    return (word >> by) & ((WORD >> by) - 1)


def _mix(word: Words) -> Words:
    """The output function of splitmix64, of 64 bits held as int64, whose products wrap around."""
    for shift, multiplier in MULTIPLIERS:
        word = (word ^ shift_right(word, shift)) * _signed(multiplier)
    return word ^ shift_right(word, 31)


def _signed(word: int) -> int:
    """The int64 with the 64 low bits of `word`."""
    return (word + WORD // 2) % WORD - WORD // 2
