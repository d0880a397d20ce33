"""The table of architectures, found by name; the study's models; the one nearest to a size.

No torch here: names are read, and costs printed, at once.
"""

import math

from advlib.errors import DataError
from advlib.models.architecture import Architecture
from advlib.models.resnet_spec import ResNet18
from advlib.models.wideresnet_spec import WideResNet, parameters

ARCHITECTURES: tuple[type[Architecture], ...] = (WideResNet, ResNet18)
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


def parse(name: str) -> Architecture:
    """The model of a name: `wrn-28-10`, `WideResNet-28-10`, `wrn-28-10-relu`, `resnet-18`.

    A WideResNet has SiLU, as the study's have, unless its name ends in `-relu`; `-silu` and
    `-swish` say it expressly.  Case does not matter, nor `_` for `-`.

    Raises DataError for any other name.
    """
    for architecture in ARCHITECTURES:
        if found := architecture.parse(name.strip()):
            return found
    forms = " or ".join(architecture.form for architecture in ARCHITECTURES)
    raise DataError(f"model: found {name!r}; expected {forms}")


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
