"""The ResNet-18 for small images whose weights pyautoattack ships: name, size, its checkpoint.

He et al. 2016 with a 3x3 stem and no pooling after it; ReLU after the addition.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from advlib.models.architecture import Architecture, Naming, Weights

NAME = re.compile(r"resnet[-_]?18", re.I)
STEM = 64  # channels after the first convolution


@dataclass(frozen=True)
class ResNet18(Architecture):
    """The CIFAR ResNet-18; it has one size."""

    activation = "relu"
    form = "resnet-18"
    name = "resnet-18"
    network = "advlib.models.resnet:ResNet"
    naming = Naming(
        "pyautoattack",
        "a ResNet-18",
        {"stem": "conv1", "norm": "bn1", "head": "linear"},
        "layer{g1}.{b}",
        {
            "norm1": "bn1",
            "conv1": "conv1",
            "norm2": "bn2",
            "conv2": "conv2",
            "shortcut": "shortcut.0",
            "shortcut_norm": "shortcut.1",
        },
    )
    normalisation = "none"
    multiple = 8
    stem = STEM

    @classmethod
    def parse(cls, name: str) -> Self | None:
        return cls() if NAME.fullmatch(name) else None

    @classmethod
    def read_off(cls, weights: Weights) -> Self:
        return cls()

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        total = 9 * channels * STEM + 2 * STEM + (512 + 1) * classes
        for wide, out, blocks in self.groups():
            shortcut = wide * out + 2 * out if wide != out else 0
            total += 9 * wide * out + shortcut + 9 * out * out * (2 * blocks - 1) + 4 * out * blocks
        return total

    def groups(self) -> Iterator[tuple[int, int, int]]:
        wide = STEM
        for out in (64, 128, 256, 512):
            yield wide, out, 2
            wide = out
