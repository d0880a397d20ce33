"""EfficientNet-Lite0: the small network whose ImageNet weights a package on the index brings.

Inverted residuals of ReLU6 without squeeze and excitation; paddings are TensorFlow's, which at
stride 2 pad one pixel more at the end than at the beginning.

Source: Tan and Le 2019, "EfficientNet"; TensorFlow's efficientnet/lite, efficientnet-lite0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 224  # pixels of an image, height and width
FEATURES = 1280
CLASSES = 1000  # of ImageNet
MIDDLE, WIDTH = 127.0, 128.0  # subtracted from pixels, and what they are divided by; TensorFlow's
EPSILON = 1e-3  # of batch norms
STEM = 32  # channels
# blocks, kernel, stride of the first, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConvolution(nn.Conv2d):
    """A convolution without bias that gives ceil(size / stride) pixels, as TensorFlow pads."""

    def __init__(self, wide: int, out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(wide, out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (
            max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:]
        )
        padding = (across // 2, across - across // 2, down // 2, down - down // 2)
        return super().forward(functional.pad(x, padding))


class InvertedResidual(nn.Module):
    """1x1 wider, depthwise, 1x1 narrower; added to the input where shapes allow."""

    def __init__(self, wide: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = wide * expansion
        self.adds = stride == 1 and wide == out
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [SameConvolution(wide, inner, 1), nn.BatchNorm2d(inner, EPSILON), nn.ReLU6()]
        layers += [
            SameConvolution(inner, inner, kernel, stride, groups=inner),
            nn.BatchNorm2d(inner, EPSILON),
            nn.ReLU6(),
            SameConvolution(inner, out, 1),
            nn.BatchNorm2d(out, EPSILON),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made = self.layers(x)
        return x + made if self.adds else made


class EfficientNetLite0(nn.Module):
    """Images (b, 3, 224, 224) of floats in [-1, 1] to features (b, 1280).

    `classify` gives logits (b, 1000) of ImageNet's classes instead; it takes other sizes too.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            SameConvolution(3, STEM, 3, 2),
            nn.BatchNorm2d(STEM, EPSILON),
            nn.ReLU6(),
        ]
        wide = STEM
        for blocks, kernel, stride, expansion, out in STAGES:
            for i in range(blocks):
                step = stride if i == 0 else 1
                layers.append(InvertedResidual(wide, out, kernel, step, expansion))
                wide = out
        layers += [SameConvolution(wide, FEATURES, 1), nn.BatchNorm2d(FEATURES, EPSILON)]
        self.layers = nn.Sequential(*layers, nn.ReLU6())
        self.head = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean((2, 3))

    def classify(self, images: Tensor) -> Tensor:
        """Logits of images."""
        return self.head(self(images))

    def fill(self, tensors: dict[str, Tensor]) -> None:
        """Take the weights of a state dict that names the same layers in the same order.

        Raises ValueError where it does not.
        """
        mine = self.state_dict()
        if len(mine) != len(tensors):
            raise ValueError(f"{len(tensors)} tensors; expected {len(mine)}")
        filled = {}
        for (name, old), (other, value) in zip(mine.items(), tensors.items(), strict=True):
            if old.shape != value.shape or not torch.isfinite(value).all():
                raise ValueError(f"{other}: {tuple(value.shape)}; expected {tuple(old.shape)}")
            filled[name] = value
        self.load_state_dict(filled)
