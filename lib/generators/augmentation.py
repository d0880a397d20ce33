"""EDM's augmentation of training images, of which the network is told by 9 labels.

Each operation is done to an image with a probability of its own: left-right and up-down flips,
scaling, rotation, stretching along an axis, shifting.  All but the flips are one warp: the image is
reflected at its borders, doubled in size by the wavelet sym6, read bilinearly, and halved again.

    label 0, 1   whether it is flipped left-right, up-down
    label 2      n of the scale 2^(.2 n)
    label 3, 4   cos a - 1 and sin a of the rotation by a
    label 5, 6   n cos r and n sin r of the stretch by 2^(.2 n) along the angle r
    label 7, 8   n of the shifts by .125 n sides, to the right and down

All labels of an image that is left alone are 0, as in generation.

Source: Karras et al. 2022, App. F.2, after Karras et al. 2020 (StyleGAN2-ADA), App. B.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from advlib.jobs.keyed_random import normal, uniform

SPREAD = 0.2  # of the exponents of scale and stretch
SHIFT = 0.125  # standard deviation of shifts, in sides of the image
KEPT = 0.5  # share of stretches along any angle; the others are along a row
GATES = 7  # operations: flips, scale, rotation, stretch, its angle, shift
# scaling filter of Daubechies' least asymmetric wavelet of 6 vanishing moments, sum sqrt(2)
SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
EDGE = len(SYM6) // 4  # pixels that the filter reaches beyond an image, at its own size


class Draws(NamedTuple):
    """Random numbers of b images.

    gate: (b, 7) uniform; an operation is done where its is below its probability.
    bit: (b, 2) in {0, 1}, of the flips.  normal: (b, 4), of scale, stretch, shifts.
    angle: (b, 2), uniform in [-pi, pi), of rotation and stretch.
    """

    gate: Tensor
    bit: Tensor
    normal: Tensor
    angle: Tensor


def draw(position: Tensor, seed: int) -> Draws:
    """The numbers of images by their positions (b,) int64, on their device."""
    flat = uniform(position, seed, (GATES + 4,))
    return Draws(
        flat[:, :GATES],
        (flat[:, GATES : GATES + 2] >= 0.5).float(),
        normal(position, seed + 1, (4,)).float(),
        (2 * flat[:, GATES + 2 :] - 1) * math.pi,
    )


def augment(images: Tensor, draws: Draws, probability: float) -> tuple[Tensor, Tensor]:
    """Augmented images, and their labels (b, 9).

    images: (b, c, side, side) float32.  probability: of each operation but the left-right flip,
    which is done to half of the images unless `probability` is 0.
    """
    done = (draws.gate < probability).float()
    mirror = draws.bit[:, 0] * (probability > 0)
    upset = draws.bit[:, 1] * done[:, 1]
    size, stretch = draws.normal[:, 0] * done[:, 2], draws.normal[:, 1] * done[:, 4]
    turn = draws.angle[:, 0] * done[:, 3]
    along = draws.angle[:, 1] * (draws.gate[:, 5] < KEPT)
    right, down = (draws.normal[:, 2:] * done[:, 6:]).unbind(1)
    labels = torch.stack(
        [
            mirror,
            upset,
            size,
            turn.cos() - 1,
            turn.sin(),
            stretch * along.cos(),
            stretch * along.sin(),
            right,
            down,
        ],
        1,
    )
    side = images.shape[-1]
    # from a point of the result to that of the image: what is done last is undone first
    back = (
        _diagonal(torch.exp2(-SPREAD * size), torch.exp2(-SPREAD * size))
        @ _rotation(turn)
        @ _rotation(-along)
        @ _diagonal(torch.exp2(-SPREAD * stretch), torch.exp2(SPREAD * stretch))
        @ _rotation(along)
        @ _translation(-SHIFT * side * right, -SHIFT * side * down)
    )
    flipped = torch.where(mirror[:, None, None, None] > 0, images.flip(3), images)
    flipped = torch.where(upset[:, None, None, None] > 0, flipped.flip(2), flipped)
    moved = (labels[:, 2:] != 0).any(1)  # the others would come out as they are
    if moved.any():
        flipped = flipped.clone()
        flipped[moved] = _warped(flipped[moved], back[moved])
    return flipped, labels


def _warped(images: Tensor, back: Tensor) -> Tensor:
    """Images read at the points that (b, 3, 3) matrices give, in pixels from the middle."""
    side = images.shape[-1]
    # as far as an image can be reflected: then none hangs on how far others of its batch moved
    images = _doubled(functional.pad(images, [side - 1] * 4, mode="reflect"))
    fine, size = images.shape[-1], 2 * (side + 2 * EDGE)
    one = back.new_ones(1)
    half = one / 2
    # in pixels half as wide, whose middles lie by half of one off the old ones'
    back = _diagonal(2 * one, 2 * one) @ back @ _diagonal(half, half)
    back = _translation(-half, -half) @ back @ _translation(half, half)
    to_fine, from_size = one * 2 / fine, one * size / 2  # coordinates of grids are from -1 to 1
    back = _diagonal(to_fine, to_fine) @ back @ _diagonal(from_size, from_size)
    grid = functional.affine_grid(back[:, :2], [*images.shape[:2], size, size], align_corners=False)
    return _halved(functional.grid_sample(images, grid, align_corners=False))


def _doubled(images: Tensor) -> Tensor:
    """Twice as high and wide: zeros between pixels, then the filter."""
    channels, around = images.shape[1], len(SYM6) // 2
    taps = images.new_tensor(SYM6[::-1]).expand(channels, 1, 1, -1)
    for _ in "xy":
        wide = torch.stack([images, torch.zeros_like(images)], 4).flatten(3)[..., :-1]
        images = functional.conv2d(wide, taps, padding=(0, around), groups=channels).mT
    return images


def _halved(images: Tensor) -> Tensor:
    """Half as high and wide by the filter, less its reach."""
    channels, around = images.shape[1], (len(SYM6) - 1) // 2
    taps = images.new_tensor(SYM6).expand(channels, 1, 1, -1)
    for _ in "xy":
        half = functional.conv2d(images, taps, stride=(1, 2), padding=(0, around), groups=channels)
        images = half[..., EDGE:-EDGE].mT
    return images


def _matrix(*rows: tuple[Tensor | float, Tensor | float, Tensor | float]) -> Tensor:
    """(b, 3, 3) float32 of tensors (b,) and numbers."""
    like = next(value for row in rows for value in row if isinstance(value, Tensor))
    flat = [torch.as_tensor(v, device=like.device).expand_as(like) for row in rows for v in row]
    return torch.stack(flat, 1).view(-1, 3, 3).float()


def _diagonal(x: Tensor, y: Tensor) -> Tensor:
    return _matrix((x, 0, 0), (0, y, 0), (0, 0, 1))


def _translation(x: Tensor, y: Tensor) -> Tensor:
    return _matrix((1, 0, x), (0, 1, y), (0, 0, 1))


def _rotation(angle: Tensor) -> Tensor:
    return _matrix((angle.cos(), -angle.sin(), 0), (angle.sin(), angle.cos(), 0), (0, 0, 1))
