"""What is known of an architecture without building a network: names, size, FLOPs, checkpoints.

A new architecture costs a file that describes it, as wideresnet_spec.py, a file of its network, as
wideresnet.py, and one line in the table zoo.ARCHITECTURES.  They are two because names must be
read, and costs printed, without torch, which the network needs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from advlib.errors import DataError


@dataclass(frozen=True)
class Naming:
    """How checkpoints of others name what ours name `stem`, `norm`, `head` and `groups.G.B.PART`.

    origin: whose they are, the `format` of a description.  what: those networks, for messages.
    block: what stands for `groups.G.B`, with {g} for the group, {g1} for it counted from 1, {b}.
    """

    origin: str
    what: str
    top: Mapping[str, str]
    block: str
    parts: Mapping[str, str]

    def name(self, ours: str) -> str:
        """Their name of a tensor that ours names so."""
        if not ours.startswith("groups."):
            first, *rest = ours.split(".")
            return ".".join([self.top.get(first, first), *rest])
        _, group, block, part, *rest = ours.split(".")
        where = self.block.format(g=group, g1=int(group) + 1, b=block)
        return ".".join([where, self.parts[part], *rest])


class Weights(Protocol):
    """The tensors of a file, by our names."""

    def has(self, ours: str) -> bool:
        """Whether a tensor of that name is there."""

    def shape(self, ours: str, dimensions: int) -> tuple[int, ...]:
        """Its shape; DataError where it is not there, or has another number of dimensions."""

    def refusal(self, ours: str, why: str) -> DataError:
        """An error that names the file and the tensor."""


class Architecture:
    """An architecture of one size.  Its networks have a stem, groups of blocks, and a head.

    activation: "silu" or "relu".
    """

    activation: str
    form: ClassVar[str]  # of its names, for messages
    network: ClassVar[str]  # module and class of its networks, which need torch
    naming: ClassVar[Naming]  # in checkpoints of others
    untold: ClassVar[tuple[str, ...]] = ()  # fields that no tensor of a checkpoint tells
    normalisation: ClassVar[str]  # a key of zoo.NORMALISATIONS: that of its networks, usually
    multiple: ClassVar[int]  # image sides are multiples of it: they are halved without a rest
    stem: ClassVar[int]  # channels after the first convolution

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The architecture of that name, None for a name of another form.

        Raises DataError for one of this form that cannot be built.
        """
        raise NotImplementedError

    @classmethod
    def read_off(cls, weights: Weights) -> Self:
        """The architecture whose weights those of a file are; DataError where it is none."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Its name, which `parse` reads."""
        raise NotImplementedError

    @property
    def params(self) -> int:
        """Trainable parameters for 10 classes of images of 3 channels, a count."""
        return self.parameters()

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        """Trainable parameters, a count."""
        raise NotImplementedError

    def groups(self) -> Iterator[tuple[int, int, int]]:
        """For each group of blocks: channels in, channels out, blocks."""
        raise NotImplementedError

    def forward_flops(self, image_size: int = 32, classes: int = 10, channels: int = 3) -> int:
        """FLOPs of the convolutions and the head for one image, 2 per multiply-add.

        image_size: height and width in pixels.  DataError unless `multiple` divides it.
        """
        check_image_size(self, image_size)
        side = image_size
        total = 9 * channels * self.stem * side * side
        for group, (wide, out, blocks) in enumerate(self.groups()):
            side = side // 2 if group else side
            shortcut = wide * out if wide != out else 0
            total += (9 * wide * out + 9 * out * out * (2 * blocks - 1) + shortcut) * side * side
        return 2 * (total + out * classes)


def check_image_size(model: Architecture, image_size: int) -> None:
    """DataError unless images of that height and width, in pixels, halve evenly in the model."""
    if image_size < model.multiple or image_size % model.multiple:
        raise DataError(
            f"image size: found {image_size}; expected a multiple of {model.multiple} "
            f"for {model.name}"
        )
