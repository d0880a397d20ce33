"""What training does to a batch of images on the device: a random crop and flip, and floats.

What is drawn depends on the seed and on each image's position in the order, by a hash instead of a
generator with a state: an image is cropped and flipped alike on every device, in any split of a
batch, and after a resumed run comes to it again.

Source: crop and flip as in Bartoldson et al. 2024, on synthetic images too.
"""

import torch
from torch.nn.functional import pad

from advlib.jobs.keyed_random import shift_right, splitmix64


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
