"""Random numbers on a torch device as a function of a seed and an image's position alone.

Nothing has a state, so the draws do not depend on batches, ranks, devices or resumed runs.

Source: splitmix64 (Steele, Lea, Flood, OOPSLA 2014, Fig. 16, constants of Stafford's variant 13).
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

WORD = 1 << 64
GAMMA = 0x9E3779B97F4A7C15  # the step of splitmix64: odd, near 2^64 over the golden ratio
MULTIPLIERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # each after its right shift


def uniform(position: Tensor, seed: int, shape: Sequence[int]) -> Tensor:
    """Numbers of each image, (b, *shape) float32 in [0, 1), multiples of 2^-24.

    position: (b,) int64; the result is on its device.  Every image has a stream of its own.
    """
    index = torch.arange(prod(shape), device=position.device)
    word = _mixed(hashed(position, seed)[:, None] + (index + 1) * _signed(GAMMA))
    return (shifted(word, 40).to(torch.float32) * 2.0**-24).view(len(position), *shape)


def hashed(position: Tensor, seed: int) -> Tensor:
    """Output `position` of splitmix64 from `seed`: 64 bits held as int64, whose sums and products
    wrap around; (b,).
    """
    return _mixed((position + 1) * _signed(GAMMA) + _signed(seed))


def _mixed(word: Tensor) -> Tensor:
    for shift, multiplier in MULTIPLIERS:
        word = (word ^ shifted(word, shift)) * _signed(multiplier)
    return word ^ shifted(word, 31)


def shifted(word: Tensor, by: int) -> Tensor:
    """`word` as 64 bits without a sign, shifted right; >> alone would copy the sign down."""
    return (word >> by) & ((WORD >> by) - 1)


def _signed(word: int) -> int:
    """The int64 with the 64 low bits of `word`."""
    return (word + WORD // 2) % WORD - WORD // 2
