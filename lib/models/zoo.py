"""Classifiers by name: their sizes, their FLOPs, and the buildable one nearest to a size.

WideResNet-depth-width as in the study (Gowal et al. 2021): a 3x3 stem of 16 channels, three groups
of (depth - 4)/6 pre-activation blocks of two 3x3 convolutions with 16, 32 and 64 times `width`
channels, a 1x1 shortcut where the channels change, batch norm (weight and bias) before each
convolution of a block and before the linear head; no biases in convolutions.  ResNet-18 as in
pyautoattack's example.

No torch here: names are read, and costs printed, at once.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from advlib.errors import DataError

WIDEST = 256  # WRN-5248-256 has 3e12 parameters
# depth / width of the study's models, 28-12 to 82-4 (Table 2): what has been seen to train
SHAPES = (28 / 12, 82 / 4)
# Table 2: the eight that its laws are fitted to, and the two larger runs
PAPER = (
    "wrn-28-4",
    "wrn-40-4",
    "wrn-82-4",
    "wrn-28-12",
    "wrn-58-12",
    "wrn-82-12",
    "wrn-70-16",
    "wrn-82-16",
    "wrn-82-8",
    "wrn-94-16",
)
# Mean and deviation of each channel, of pixels in [0, 1], that the study's code and RobustBench's
# subtract and divide by (Gowal et al. 2021 for the CIFARs, Rade's for SVHN)
NORMALISATIONS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "svhn": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
NAME = re.compile(r"(?:wrn|wideresnet)[-_](\d{1,4})[-_](\d{1,4})(?:[-_](silu|swish|relu))?", re.I)
RESNET_18 = re.compile(r"resnet[-_]?18", re.I)


@dataclass(frozen=True)
class WideResNet:
    """A buildable model: depth 6 n + 4, width from 1; activation "silu" or "relu"."""

    depth: int
    width: int
    activation: str = "silu"
    multiple = 4  # image sides are multiples of it: two strides of 2
    normalisation = "cifar10"

    @property
    def name(self) -> str:
        suffix = "" if self.activation == "silu" else f"-{self.activation}"
        return f"wrn-{self.depth}-{self.width}{suffix}"

    @property
    def params(self) -> int:
        return self.parameters()

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        """Trainable parameters, a count."""
        return parameters(self.depth, self.width, classes, channels)

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """For each group of blocks: channels in, channels out, blocks."""
        wide = 16
        for out in (16 * self.width, 32 * self.width, 64 * self.width):
            yield wide, out, (self.depth - 4) // 6
            wide = out

    def forward_flops(self, image_size: int = 32, classes: int = 10, channels: int = 3) -> int:
        """FLOPs of the convolutions and the head for one image, 2 per multiply-add.

        image_size: height and width in pixels.  DataError unless it is a multiple of 4.
        """
        return _flops(self, 16, image_size, classes, channels)


@dataclass(frozen=True)
class ResNet18:
    """The CIFAR ResNet-18 whose weights pyautoattack ships: ReLU after the addition."""

    activation = "relu"
    multiple = 8
    normalisation = "none"
    name = "resnet-18"

    @property
    def params(self) -> int:
        return self.parameters()

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        """Trainable parameters, a count."""
        total = 9 * channels * 64 + 2 * 64 + (512 + 1) * classes
        for wide, out, blocks in self.groups():
            shortcut = wide * out + 2 * out if wide != out else 0
            total += 9 * wide * out + shortcut + 9 * out * out * (2 * blocks - 1) + 4 * out * blocks
        return total

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """For each group of blocks: channels in, channels out, blocks."""
        wide = 64
        for out in (64, 128, 256, 512):
            yield wide, out, 2
            wide = out

    def forward_flops(self, image_size: int = 32, classes: int = 10, channels: int = 3) -> int:
        """FLOPs of the convolutions and the head for one image, 2 per multiply-add.

        image_size: height and width in pixels.  DataError unless it is a multiple of 8.
        """
        return _flops(self, 64, image_size, classes, channels)


Model = WideResNet | ResNet18


def parse(name: str) -> Model:
    """The model of a name: `wrn-28-10`, `WideResNet-28-10`, `wrn-28-10-relu`, `resnet-18`.

    A WideResNet has SiLU, as the study's have, unless its name ends in `-relu`; `-silu` and
    `-swish` say it expressly.  Case does not matter, nor `_` for `-`.

    Raises DataError for any other name.
    """
    if RESNET_18.fullmatch(name.strip()):
        return ResNet18()
    found = NAME.fullmatch(name.strip())
    if not found:
        raise DataError(f"model: found {name!r}; expected wrn-DEPTH-WIDTH[-relu] or resnet-18")
    depth, width = int(found[1]), int(found[2])
    if not _buildable(depth, width):
        raise DataError(f"model: found {name!r}; expected a depth of 6 n + 4, from 10, and a width")
    return WideResNet(depth, width, "relu" if (found[3] or "").lower() == "relu" else "silu")


def check_image_size(model: Model, image_size: int) -> None:
    """DataError unless images of that height and width, in pixels, halve evenly in the model."""
    if image_size < model.multiple or image_size % model.multiple:
        raise DataError(
            f"image size: found {image_size}; expected a multiple of {model.multiple} "
            f"for {model.name}"
        )


def _flops(model: Model, stem: int, image_size: int, classes: int, channels: int) -> int:
    check_image_size(model, image_size)
    side = image_size
    total = 9 * channels * stem * side * side
    for group, (wide, out, blocks) in enumerate(model.groups()):
        side = side // 2 if group else side
        shortcut = wide * out if wide != out else 0
        total += (9 * wide * out + 9 * out * out * (2 * blocks - 1) + shortcut) * side * side
    return 2 * (total + out * classes)


def _buildable(depth: int, width: int) -> bool:
    return depth >= 10 and (depth - 4) % 6 == 0 and width >= 1


def parameters(depth: int, width: int, classes: int = 10, channels: int = 3) -> int:
    """Trainable parameters, a count; ValueError unless depth is 6 n + 4, n >= 1, and width >= 1."""
    if not _buildable(depth, width):
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
