"""Dropout that is a function of an image's number: alike in any batch, on any rank, once more.

Numbers come from a hash of 32 bits, since one is drawn for every value of every map of a network.

Source: Srivastava et al. 2014; the hash "lowbias32" of Chris Wellons, whose constants are the
smallest bias found by search.
"""

import torch
from torch import Tensor
from torch.nn import functional

from advlib.jobs.keyed_random import shift_right, splitmix64

GOLDEN = 0x9E3779B9 - (1 << 32)  # odd: neighbours in a map are far apart before they are mixed
MULTIPLIERS = (0x7FEB352D, 0x846CA68B - (1 << 32))
HALF = 1 << 31


def dropped(maps: Tensor, rate: float, draws: Tensor | None, block: int) -> Tensor:
    """The maps with a share `rate` of their values 0 and the others larger by 1 / (1 - rate).

    maps: (b, c, h, w).  draws: (b,) int64, random words that decide, of each image its own; None
    for torch's generator.  block: number of the block of a network, in each of which they decide
    otherwise.
    """
    if draws is None or not rate:
        return functional.dropout(maps, rate)
    drawn = _words(splitmix64(draws, block), maps.shape[1:].numel()).view_as(maps)
    kept = drawn >= round(rate * 2 * HALF) - HALF
    return maps * kept.to(maps.dtype) * (1 / (1 - rate))


def _words(draws: Tensor, count: int) -> Tensor:
    """Random words of 32 bits, (b, count) int32."""
    low, high = draws.to(torch.int32), shift_right(draws, 32).to(torch.int32)
    index = torch.arange(count, dtype=torch.int32, device=draws.device)
    word = index * GOLDEN + low[:, None]
    word = (word ^ _shift_right(word, 16)) * MULTIPLIERS[0]
    word = word ^ high[:, None]
    word = (word ^ _shift_right(word, 15)) * MULTIPLIERS[1]
    return word ^ _shift_right(word, 16)


def _shift_right(word: Tensor, by: int) -> Tensor:
    """32 bits held as int32 shifted right with zeros."""
    return (word >> by) & ((1 << (32 - by)) - 1)
