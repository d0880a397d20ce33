"""Generated images beside the training images that they are nearest to, for a contact sheet."""

import numpy as np

from advlib.figures.sheet_tile import Tile
from advlib.quality.memorisation import Memorised
from advlib.shards.reader import ShardSet

PAIRS = 48  # on a sheet


def pair_tiles(
    generated: ShardSet, training: ShardSet, numbers: np.ndarray, found: Memorised
) -> list[Tile]:
    """Tiles of the pairs with the smallest ratios, smallest first: a generated image, its nearest.

    numbers: (n,) of the generated images that `found` is of.  The label of a training image gives
    the ratio: below 1 the generated one counts as memorised.
    """
    chosen = np.argsort(found.ratio, kind="stable")[:PAIRS]
    mine, its = generated.read(numbers[chosen]), training.read(found.nearest[chosen])
    tiles = []
    keys = zip(mine.key_texts(), its.key_texts(), strict=True)
    for i, (own, other) in enumerate(keys):
        tiles.append(Tile(mine.image[i], "generated", own))
        tiles.append(Tile(its.image[i], f"nearest, {found.ratio[chosen[i]]:.2g}", other))
    return tiles
