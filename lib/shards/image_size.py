"""How large an image may be, and how many of them are held decoded at once; loads no NumPy.

A small file can ask for any amount of memory: a picture of one colour, a declared shape.  What
reads files asks here before it makes room.
"""

import math
from collections.abc import Sequence

from advlib.errors import DataError
from advlib.shards.constants import IMAGES_PER_CHUNK

MOST_PIXELS = 1 << 24  # of one image, unless another limit is set: 4096x4096
THOUSAND_BYTES = 1 << 28  # of a thousand images, up to which they are held at once
BATCH_BYTES = 1 << 26  # of larger ones at once, if one alone does not take more

_limit = [MOST_PIXELS]


def limit_pixels(most: int) -> None:
    """From now on, in this process and those it forks, images may have `most` >= 1 pixels."""
    _limit[0] = most


def require_size(height: int, width: int, where: str) -> None:
    """DataError, beginning with `where`, for an image of more pixels than the limit."""
    if height * width > _limit[0]:
        raise DataError(
            f"{where}: {width}x{height} pixels; expected at most {_limit[0]} in all, the limit that"
            " --max-pixels sets"
        )


def images_at_once(shape: Sequence[int], most: int = IMAGES_PER_CHUNK) -> int:
    """How many images of a shape (height, width, channels) are held at once, at most `most`."""
    size = math.prod(shape)
    if most * size <= THOUSAND_BYTES:
        return most
    return max(1, min(most, BATCH_BYTES // size))
