"""WideResNet-depth-width as the study trains it.

Zagoruyko and Komodakis 2016, in the variant of Gowal et al. 2021 (arXiv 2010.03593), whose PyTorch
version the study's code took over: SiLU, "same" padding, the shortcut after the first activation.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pad, relu, silu

from advlib.models.architecture import Architecture
from advlib.models.network import Classifier

ACTIVATIONS = {"silu": silu, "relu": relu}
MOMENTUM = 0.01  # of the running statistics of batch norm: the new batch's share


class Block(nn.Module):
    """Two 3x3 convolutions, each after batch norm and activation, added to their input.

    wide, out: channels in and out.  stride: of the first convolution, 1 or 2.
    """

    folded = (("conv1", "norm2"),)

    def __init__(self, wide: int, out: int, stride: int, activation: str):
        super().__init__()
        self.stride, self.activation = stride, ACTIVATIONS[activation]
        self.norm1 = nn.BatchNorm2d(wide, momentum=MOMENTUM)
        padding = 1 if stride == 1 else 0
        self.conv1 = nn.Conv2d(wide, out, 3, stride, padding, bias=False)
        self.norm2 = nn.BatchNorm2d(out, momentum=MOMENTUM)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(wide, out, 1, stride, bias=False) if wide != out else None

    def forward(self, maps: Tensor) -> Tensor:
        active = self.activation(self.norm1(maps))
        # "same" padding of TensorFlow, where the weights were first trained: at stride 2 an even
        # map gets its row and column of zeros at the end alone
        padded = pad(active, (0, 1, 0, 1)) if self.stride == 2 else active
        inner = self.conv2(self.activation(self.norm2(self.conv1(padded))))
        # in place: a convolution's gradients do not need what it returned
        return inner.add_(maps if self.shortcut is None else self.shortcut(active))


class WideResNet(Classifier):
    """A WideResNet; see Classifier for arguments, input, output and errors.

    Weights as the study draws them: convolutions normal with variance 2 / (9 out) (1x1: 2 / out),
    batch norm 1 and 0, the head torch's default without bias.
    """

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
        self.groups = nn.ModuleList()
        for wide, out, blocks in model.groups():
            first = Block(wide, out, 2 if len(self.groups) else 1, model.activation)
            rest = (Block(out, out, 1, model.activation) for _ in range(blocks - 1))
            self.groups.append(nn.Sequential(first, *rest))
        self.norm = nn.BatchNorm2d(out, momentum=MOMENTUM)
        self.head = nn.Linear(out, classes)
        self._draw()

    def _draw(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels
                nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan_out))
        nn.init.zeros_(self.head.bias)

    def features(self, normalised: Tensor) -> Tensor:
        maps = self.stem(normalised)
        for group in self.groups:
            maps = group(maps)
        return ACTIVATIONS[self.model.activation](self.norm(maps))
