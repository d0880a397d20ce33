"""EfficientNet-Lite0's 1280 features, whose weights come with a package: they need no network.

For work without FID's weights.  Its distances are of their own kind and are not called FID.
"""

import torch
from torch import Tensor, device

from advlib.jobs.files import file_sha256
from advlib.models.network import laid_out
from advlib.quality.efficientnet_lite import FEATURES, MIDDLE, SIZE, WIDTH
from advlib.quality.efficientnet_weights import load_efficientnet
from advlib.quality.features import no_weights, require_colours, three_channels
from advlib.quality.resize import resize_half_pixel


class EfficientNet:
    """Pixels resized to 224 by PyTorch's rule, less 127, over 128."""

    column = "fd_efficientnet_lite0"

    def __init__(
        self, name: str, shape: tuple[int, ...], where: device, weights: str | None = None
    ):
        no_weights(name, weights)
        require_colours(name, shape)
        network, path = load_efficientnet()
        self.name, self.size = name, FEATURES
        self.about = {
            "name": name,
            "weights_sha256": file_sha256(path),
            "resize": "half pixel",
        }
        self.network = laid_out(network.to(where), torch.channels_last)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        pixels = resize_half_pixel(three_channels(images), SIZE)
        return self.network((pixels - MIDDLE) / WIDTH)
