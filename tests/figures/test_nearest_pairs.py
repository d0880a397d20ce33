"""Pairs of a sheet: the nearest first, each generated image before its training image."""

import numpy as np

from advlib.figures.nearest_pairs import PAIRS, pair_tiles
from advlib.quality.memorisation import Memorised
from advlib.shards.chunk import Chunk


class Set:
    def read(self, numbers):
        image = np.repeat(numbers, 12).reshape(-1, 2, 2, 3).astype(np.uint8)
        return Chunk(image, 0 * numbers, numbers)


def test_the_smallest_ratios_come_first():
    found = Memorised(np.array([7, 8, 9]), np.array([0.9, 0.123, np.inf]))
    tiles = pair_tiles(Set(), Set(), np.array([100, 110, 120]), found)
    assert [tile.label for tile in tiles[::2]] == ["generated"] * 3
    assert [tile.label for tile in tiles[1::2]] == ["nearest, 0.12", "nearest, 0.9", "nearest, inf"]
    assert [int(tile.image[0, 0, 0]) for tile in tiles] == [110, 8, 100, 7, 120, 9]
    assert [tile.key for tile in tiles[:2]] == ["000000110", "000000008"]


def test_a_sheet_is_not_endless():
    count = PAIRS + 5
    found = Memorised(np.arange(count), np.ones(count))
    assert len(pair_tiles(Set(), Set(), np.arange(count), found)) == 2 * PAIRS
