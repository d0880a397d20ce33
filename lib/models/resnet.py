"""The ResNet-18 for small images whose weights pyautoattack ships as its example.

He et al. 2016 with a 3x3 stem and no pooling after it, as is usual for CIFAR; ReLU after each
addition; pixels are taken as they are.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import relu

from advlib.models.architecture import Architecture
from advlib.models.network import Classifier


class Block(nn.Module):
    """Two 3x3 convolutions, each before batch norm, added to their input, then ReLU.

    wide, out: channels in and out.  stride: of the first convolution, 1 or 2.
    """

    folded = (("conv1", "norm1"), ("conv2", "norm2"), ("shortcut", "shortcut_norm"))

    def __init__(self, wide: int, out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(wide, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.shortcut: nn.Module | None = None
        self.shortcut_norm: nn.Module | None = None
        if wide != out:
            self.shortcut = nn.Conv2d(wide, out, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(out)

    def forward(self, maps: Tensor) -> Tensor:
        inner = relu(self.norm1(self.conv1(maps)))
        inner = self.norm2(self.conv2(inner))
        if self.shortcut is not None and self.shortcut_norm is not None:
            maps = self.shortcut_norm(self.shortcut(maps))
        return relu(inner + maps)


class ResNet(Classifier):
    """A ResNet-18; see Classifier for arguments, input, output and errors."""

    folded = (("stem", "norm"),)
    plain_on_cpu = True  # oneDNN's kernels for its wide maps lose with channels innermost

    def __init__(
        self,
        model: Architecture,
        classes: int,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
    ):
        super().__init__(model, classes, image_size, mean, std)
        self.stem = nn.Conv2d(len(mean), model.stem, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(model.stem)
        self.groups = nn.ModuleList()
        for wide, out, blocks in model.groups():
            first = Block(wide, out, 2 if len(self.groups) else 1)
            self.groups.append(
                nn.Sequential(first, *(Block(out, out, 1) for _ in range(blocks - 1)))
            )
        self.head = nn.Linear(out, classes)

    def features(self, normalised: Tensor) -> Tensor:
        maps = relu(self.norm(self.stem(normalised)))
        for group in self.groups:
            maps = group(maps)
        return maps
