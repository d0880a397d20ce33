"""Sizes of WideResNet-depth-width, and the buildable one nearest to a parameter count.

Architecture as in the study (Gowal et al. 2021): a 3x3 stem of 16 channels, three groups of
(depth - 4)/6 pre-activation blocks of two 3x3 convolutions with 16, 32 and 64 times `width`
channels, a 1x1 shortcut where the channels change, batch norm (weight and bias) before each
convolution of a block and before the linear head; no biases in convolutions.
"""

import math
from dataclasses import dataclass

WIDEST = 256  # WRN-5248-256 has 3e12 parameters
# depth / width of the study's models, 28-12 to 82-4 (Table 2): what has been seen to train
SHAPES = (28 / 12, 82 / 4)


@dataclass(frozen=True)
class WideResNet:
    """A buildable model: depth 6 n + 4, width from 1."""

    depth: int
    width: int

    @property
    def name(self) -> str:
        return f"wrn-{self.depth}-{self.width}"

    @property
    def params(self) -> int:
        return parameters(self.depth, self.width)


def parameters(depth: int, width: int, classes: int = 10, channels: int = 3) -> int:
    """Trainable parameters, a count; ValueError unless depth is 6 n + 4, n >= 1, and width >= 1."""
    if depth < 10 or (depth - 4) % 6 or width < 1:
        raise ValueError(f"WRN-{depth}-{width}: depth must be 6 n + 4, from 10; width from 1")
    blocks = (depth - 4) // 6
    total, wide = 9 * channels * 16, 16
    for out in (16 * width, 32 * width, 64 * width):
        first = 2 * wide + 9 * wide * out + 2 * out + 9 * out * out
        shortcut = wide * out if wide != out else 0
        rest = (blocks - 1) * (4 * out + 18 * out * out)
        total, wide = total + first + shortcut + rest, out
    return total + 2 * wide + (wide + 1) * classes


def nearest(params: float) -> WideResNet | None:
    """The WideResNet whose parameter count is nearest to `params` in ratio, among widths 1, 2 and
    multiples of 4 (as in the study) with a depth/width within the study's range.

    None where `params` is over twice the largest of width WIDEST, or under half the smallest.
    """
    best, gap = None, math.log(2)
    for width in (1, 2, *range(4, WIDEST + 1, 4)):
        depths = _depths(width)
        if parameters(depths[0], width) > 2 * params:
            break
        for depth in depths:
            off = abs(math.log(parameters(depth, width) / params))
            if off < gap:
                best, gap = WideResNet(depth, width), off
    return best


def _depths(width: int) -> range:
    """Depths 6 n + 4 from 10 with a ratio to `width` within SHAPES."""
    first = max(10, 6 * math.ceil((SHAPES[0] * width - 4) / 6) + 4)
    last = max(first, math.floor(SHAPES[1] * width))
    return range(first, last + 1, 6)
