"""WideResNet-depth-width as in the study (Gowal et al. 2021): names, sizes, checkpoints of others.

A 3x3 stem of 16 channels, three groups of (depth - 4)/6 pre-activation blocks of two 3x3
convolutions with 16, 32 and 64 times `width` channels, a 1x1 shortcut where the channels change,
batch norm (weight and bias) before each convolution of a block and before the linear head; no
biases in convolutions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from advlib.errors import DataError
from advlib.models.architecture import Architecture, Naming, Weights

NAME = re.compile(
    r"(?:wrn|wideresnet)[-_]([0-9]{1,4})[-_]([0-9]{1,4})(?:[-_](silu|swish|relu))?", re.I
)
STEM = 16  # channels after the first convolution


@dataclass(frozen=True)
class WideResNet(Architecture):
    """A buildable model: depth 6 n + 4, width from 1; activation "silu" or "relu"."""

    depth: int
    width: int
    activation: str = "silu"
    form = "wrn-DEPTH-WIDTH[-relu]"
    network = "advlib.models.wideresnet:WideResNet"
    # the study, and RobustBench for Gowal 2020, Rebuffi 2021, Wang 2023, Bartoldson 2024 and others
    naming = Naming(
        "robustbench",
        "a WideResNet of the study or RobustBench",
        {"stem": "init_conv", "norm": "batchnorm", "head": "logits"},
        "layer.{g}.block.{b}",
        {
            "norm1": "batchnorm_0",
            "conv1": "conv_0",
            "norm2": "batchnorm_1",
            "conv2": "conv_1",
            "shortcut": "shortcut",
        },
    )
    untold = ("activation",)
    normalisation = "cifar10"
    multiple = 4
    stem = STEM

    @classmethod
    def parse(cls, name: str) -> Self | None:
        found = NAME.fullmatch(name)
        if not found:
            return None
        depth, width = int(found[1]), int(found[2])
        if not _buildable(depth, width):
            raise DataError(
                f"model: found {name!r}; expected a depth of 6 n + 4, from 10, and a width"
            )
        return cls(depth, width, "relu" if (found[3] or "").lower() == "relu" else "silu")

    @classmethod
    def read_off(cls, weights: Weights) -> Self:
        first = "groups.0.0.conv1.weight"
        shape, blocks = weights.shape(first, 4), 1
        while weights.has(f"groups.0.{blocks}.conv1.weight"):
            blocks += 1
        if shape[0] < STEM or shape[0] % STEM:
            raise weights.refusal(first, f"found shape {shape}; expected a multiple of 16 first")
        return cls(6 * blocks + 4, shape[0] // STEM)

    @property
    def name(self) -> str:
        suffix = "" if self.activation == "silu" else f"-{self.activation}"
        return f"wrn-{self.depth}-{self.width}{suffix}"

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        return parameters(self.depth, self.width, classes, channels)

    def groups(self) -> Iterator[tuple[int, int, int]]:
        wide = STEM
        for out in (16 * self.width, 32 * self.width, 64 * self.width):
            yield wide, out, (self.depth - 4) // 6
            wide = out


def _buildable(depth: int, width: int) -> bool:
    return depth >= 10 and (depth - 4) % 6 == 0 and width >= 1


def parameters(depth: int, width: int, classes: int = 10, channels: int = 3) -> int:
    """Trainable parameters, a count; ValueError unless depth is 6 n + 4, n >= 1, and width >= 1."""
    if not _buildable(depth, width):
        raise ValueError(f"WRN-{depth}-{width}: depth must be 6 n + 4, from 10; width from 1")
    blocks = (depth - 4) // 6
    total, wide = 9 * channels * STEM, STEM
    for out in (16 * width, 32 * width, 64 * width):
        first = 2 * wide + 9 * wide * out + 2 * out + 9 * out * out
        shortcut = wide * out if wide != out else 0
        rest = (blocks - 1) * (4 * out + 18 * out * out)
        total, wide = total + first + shortcut + rest, out
    return total + 2 * wide + (wide + 1) * classes
