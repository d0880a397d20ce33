"""The network of FID: Inception v3 as TensorFlow's graph of 2015-12-05 has it, up to its pooling.

It differs from torchvision's Inception v3: averages leave the padding out, the last block pools by
its maximum, and its weights were trained with other classes (1008).

Source: Szegedy et al. 2016, "Rethinking the Inception Architecture"; Heusel et al. 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 299  # pixels of an image, height and width
FEATURES = 2048
EPSILON = 1e-3  # of batch norms


class Convolution(nn.Module):
    """A convolution without bias, batch norm, ReLU.

    kernel: (height, width), or one number for both.  The padding keeps the size at stride 1, but
    where it is not `padded`.
    """

    def __init__(
        self,
        wide: int,
        out: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padded: bool = True,
    ):
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(wide, out, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)), inplace=True)


def _shrinking(wide: int, out: int) -> Convolution:
    """A 3x3 convolution of stride 2 that pads nothing."""
    return Convolution(wide, out, 3, stride=2, padded=False)


def _chain(wide: int, *layers: tuple[int, int | tuple[int, int]]) -> nn.Sequential:
    """Convolutions one after another, each given by its channels and kernel."""
    made = []
    for out, kernel in layers:
        made.append(Convolution(wide, out, kernel))
        wide = out
    return nn.Sequential(*made)


def _mean_pool(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _largest_pool(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 3, 1, 1)


class Square(nn.Module):
    """Branches of 1x1, 5x5, twice 3x3, and the pooled input ("A")."""

    def __init__(self, wide: int, pooled: int):
        super().__init__()
        self.single = Convolution(wide, 64, 1)
        self.five = _chain(wide, (48, 1), (64, 5))
        self.three = _chain(wide, (64, 1), (96, 3), (96, 3))
        self.pool = Convolution(wide, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.single(x), self.five(x), self.three(x), self.pool(_mean_pool(x))]
        return torch.cat(parts, 1)


class FirstShrink(nn.Module):
    """From 35 to 17 pixels ("B")."""

    def __init__(self, wide: int):
        super().__init__()
        self.single = _shrinking(wide, 384)
        self.three = _chain(wide, (64, 1), (96, 3)).append(_shrinking(96, 96))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.single(x), self.three(x), functional.max_pool2d(x, 3, 2)], 1)


class Long(nn.Module):
    """Branches of 1x1, 7x7 as 1x7 and 7x1, twice that, and the pooled input ("C")."""

    def __init__(self, wide: int, inner: int):
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.single = Convolution(wide, 192, 1)
        self.seven = _chain(wide, (inner, 1), (inner, row), (192, column))
        self.seven_twice = _chain(
            wide, (inner, 1), (inner, column), (inner, row), (inner, column), (192, row)
        )
        self.pool = Convolution(wide, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.single(x), self.seven(x), self.seven_twice(x), self.pool(_mean_pool(x))]
        return torch.cat(parts, 1)


class SecondShrink(nn.Module):
    """From 17 to 8 pixels ("D")."""

    def __init__(self, wide: int):
        super().__init__()
        self.three = _chain(wide, (192, 1)).append(_shrinking(192, 320))
        self.seven = _chain(wide, (192, 1), (192, (1, 7)), (192, (7, 1)))
        self.seven.append(_shrinking(192, 192))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.three(x), self.seven(x), functional.max_pool2d(x, 3, 2)], 1)


class Split(nn.Module):
    """Branches that end in a row and a column of three each ("E").

    largest: whether the input is pooled by its maximum, not its mean.
    """

    def __init__(self, wide: int, largest: bool):
        super().__init__()
        self.largest = largest
        self.single = Convolution(wide, 320, 1)
        self.three = Convolution(wide, 384, 1)
        self.three_row = Convolution(384, 384, (1, 3))
        self.three_column = Convolution(384, 384, (3, 1))
        self.three_twice = _chain(wide, (448, 1), (384, 3))
        self.three_twice_row = Convolution(384, 384, (1, 3))
        self.three_twice_column = Convolution(384, 384, (3, 1))
        self.pool = Convolution(wide, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once, twice = self.three(x), self.three_twice(x)
        parts = [self.single(x), self.three_row(once), self.three_column(once)]
        parts += [self.three_twice_row(twice), self.three_twice_column(twice)]
        parts.append(self.pool(_largest_pool(x) if self.largest else _mean_pool(x)))
        return torch.cat(parts, 1)


class InceptionNetwork(nn.Module):
    """Images (b, 3, 299, 299) of floats in [-1, 1) to features (b, 2048).

    Convolutions are registered in the order in which TensorFlow's graph and all its ports have
    them, by which inception_weights fills them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _shrinking(3, 32),
            Convolution(32, 32, 3, padded=False),
            Convolution(32, 64, 3),
            nn.MaxPool2d(3, 2),
            Convolution(64, 80, 1),
            Convolution(80, 192, 3, padded=False),
            nn.MaxPool2d(3, 2),
            Square(192, 32),
            Square(256, 64),
            Square(288, 64),
            FirstShrink(288),
            Long(768, 128),
            Long(768, 160),
            Long(768, 160),
            Long(768, 192),
            SecondShrink(768),
            Split(1280, largest=False),
            Split(2048, largest=True),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean((2, 3))

    def convolutions(self) -> list[Convolution]:
        """All convolutions, in the order of the graph."""
        return [module for module in self.modules() if isinstance(module, Convolution)]
