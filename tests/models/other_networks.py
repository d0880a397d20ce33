"""Networks of others, stated again plainly with their names of weights."""

import torch
from torch import nn
from torch.nn import functional

from advlib.models import zoo

CIFAR10 = zoo.NORMALISATIONS["cifar10"]


class DeepMindBlock(nn.Module):
    def __init__(self, wide, out, stride):
        super().__init__()
        self.batchnorm_0 = nn.BatchNorm2d(wide, momentum=0.01)
        self.conv_0 = nn.Conv2d(wide, out, 3, stride, bias=False)
        self.batchnorm_1 = nn.BatchNorm2d(out, momentum=0.01)
        self.conv_1 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        if wide != out:
            self.shortcut = nn.Conv2d(wide, out, 1, stride, bias=False)


class DeepMindGroup(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.block = nn.Sequential(*blocks)


class DeepMind(nn.Module):
    """WideResNet with the names of the study and RobustBench, for images of 32 x 32."""

    def __init__(self, depth, width, classes=10, activation=functional.silu, buffers=False):
        super().__init__()
        self.activation = activation
        self.blocks = (depth - 4) // 6
        self.init_conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        sizes = [16, 16 * width, 32 * width, 64 * width]
        self.layer = nn.Sequential(
            *(
                DeepMindGroup(
                    DeepMindBlock(
                        sizes[g] if b == 0 else sizes[g + 1],
                        sizes[g + 1],
                        2 if g > 0 and b == 0 else 1,
                    )
                    for b in range(self.blocks)
                )
                for g in range(3)
            )
        )
        self.batchnorm = nn.BatchNorm2d(sizes[3], momentum=0.01)
        self.logits = nn.Linear(sizes[3], classes)
        self.numbers = CIFAR10
        if buffers:
            for name, values in zip(("mean", "std"), self.numbers, strict=True):
                self.register_buffer(name, torch.tensor(values).view(3, 1, 1))

    def forward(self, x):
        mean, std = (x.new_tensor(values).view(1, 3, 1, 1) for values in self.numbers)
        x = self.init_conv((x - mean) / std)
        for group in self.layer:
            for block in group.block:
                a = self.activation(block.batchnorm_0(x))
                before, after = (1, 1) if block.conv_0.stride == (1, 1) else (0, 1)
                h = block.conv_0(functional.pad(a, (before, after, before, after)))
                h = block.conv_1(self.activation(block.batchnorm_1(h)))
                x = h + (block.shortcut(a) if hasattr(block, "shortcut") else x)
        x = functional.avg_pool2d(self.activation(self.batchnorm(x)), 8)
        return self.logits(x.reshape(len(x), -1))


def cifar_resnet(weights, x):
    """Logits of pyautoattack's ResNet-18 for images of 32 x 32, from its weights by name."""

    def normed(name, x):
        numbers = [weights[f"{name}.{n}"] for n in ("running_mean", "running_var")]
        return functional.batch_norm(
            x, *numbers, weights[name + ".weight"], weights[name + ".bias"]
        )

    x = functional.conv2d(x, weights["conv1.weight"], padding=1)
    x = normed("bn1", x).relu()
    for layer in range(1, 5):
        for b in range(2):
            at, stride = f"layer{layer}.{b}", 2 if layer > 1 and b == 0 else 1
            h = functional.conv2d(x, weights[at + ".conv1.weight"], stride=stride, padding=1)
            h = normed(at + ".bn1", h).relu()
            h = normed(at + ".bn2", functional.conv2d(h, weights[at + ".conv2.weight"], padding=1))
            if at + ".shortcut.0.weight" in weights:
                x = functional.conv2d(x, weights[at + ".shortcut.0.weight"], stride=stride)
                x = normed(at + ".shortcut.1", x)
            x = (x + h).relu()
    x = functional.avg_pool2d(x, 4).flatten(1)
    return functional.linear(x, weights["linear.weight"], weights["linear.bias"])


def stirred(network):
    """The network with weights and running statistics far from where they start."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.copy_(torch.rand_like(tensor) + (0.5 if "var" in name else -0.2))
    return network.eval()


def deepmind(*args, seed=0, **extra):
    torch.manual_seed(seed)
    return stirred(DeepMind(*args, **extra))
