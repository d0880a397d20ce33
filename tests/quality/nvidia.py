"""Modules that hold weights under the names of NVIDIA's Inception, for files of that form."""

from collections import OrderedDict

from torch import Tensor, nn

BLOCKS = {  # of each kind: its convolutions in order, by name
    "A": "conv tower.conv tower.conv_1 tower_1.conv tower_1.conv_1 tower_1.conv_2 tower_2.conv",
    "B": "conv tower.conv tower.conv_1 tower.conv_2",
    "C": "conv tower.conv tower.conv_1 tower.conv_2 tower_1.conv tower_1.conv_1 tower_1.conv_2 "
    "tower_1.conv_3 tower_1.conv_4 tower_2.conv",
    "D": "tower.conv tower.conv_1 tower_1.conv tower_1.conv_1 tower_1.conv_2 tower_1.conv_3",
    "E": "conv tower_conv tower_mixed_conv tower_mixed_conv_1 tower_1_conv tower_1_conv_1 "
    "tower_1_mixed_conv tower_1_mixed_conv_1 tower_2_conv",
}
STEM = ("conv", "conv_1", "conv_2", "conv_3", "conv_4")


class Layer(nn.Module):
    def __init__(self, weight: Tensor, beta: Tensor, mean: Tensor, var: Tensor):
        super().__init__()
        self.weight, self.beta = nn.Parameter(weight), nn.Parameter(beta)
        self.register_buffer("mean", mean)
        self.register_buffer("var", var)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Network(nn.Module):
    """convolutions: of each (weight, beta, mean, variance), in order."""

    def __init__(self, convolutions):
        super().__init__()
        names = [*STEM]
        for i, kind in enumerate("AAABCCCCDEE"):
            block = f"mixed_{i}" if i else "mixed"
            names += [f"{block}.{name}" for name in BLOCKS[kind].split()]
        tree: OrderedDict = OrderedDict()
        for name, parts in zip(names, convolutions, strict=True):
            *folders, last = name.split(".")
            inside = tree
            for folder in folders:
                inside = inside.setdefault(folder, OrderedDict())
            inside[last] = Layer(*parts)
        self.layers = _sequential(tree)
        self.output = nn.Linear(2048, 1008)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _sequential(tree) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            (name, _sequential(item) if isinstance(item, dict) else item)
            for name, item in tree.items()
        )
    )
