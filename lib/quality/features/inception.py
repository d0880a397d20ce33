"""Inception's 2048 features: those of FID, and the same after PyTorch's resizing.

FID is what official code computes, of images resized as TensorFlow 1 does (EDM's fid.py).
pytorch-fid, torchmetrics and others resize as PyTorch does, and numbers by that do not compare.
"""

import hashlib

import torch
from torch import Tensor, device

from advlib.models.network import laid_out
from advlib.quality.features import require_colours, three_channels
from advlib.quality.inception_network import FEATURES, SIZE, InceptionNetwork
from advlib.quality.inception_weights import find_weights, load_inception
from advlib.quality.resize import resize_half_pixel, resize_tensorflow


class Inception:
    """The official features: pixels resized to 299, less 128, over 128."""

    column = "fid"
    resize = "TensorFlow 1"

    def __init__(
        self, name: str, shape: tuple[int, ...], where: device, weights: str | None = None
    ):
        require_colours(name, shape)
        network = load_inception(weights or find_weights())
        self.name, self.size = name, FEATURES
        self.about = {"name": name, "weights_sha256": _digest(network), "resize": self.resize}
        self.network = laid_out(network.to(where), torch.channels_last)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        return self.network(self.prepare(three_channels(images)))

    def prepare(self, images: Tensor) -> Tensor:
        """What the network takes, of images (b, 3, h, w) of floats from 0 to 255."""
        return (resize_tensorflow(images, SIZE) - 128) / 128


class HalfPixelInception(Inception):
    """As pytorch-fid has them: resized by PyTorch's rule, and 0 to 255 made -1 to 1."""

    column = "fd_inception_half_pixel"
    resize = "half pixel"

    def prepare(self, images: Tensor) -> Tensor:
        """What the network takes, of images (b, 3, h, w) of floats from 0 to 255."""
        return 2 * (resize_half_pixel(images, SIZE) / 255) - 1


def _digest(network: InceptionNetwork) -> str:
    """The SHA-256 of the weights, which is the same in whatever form of file they came."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        if value.is_floating_point():  # not the counts of batches, which some forms lack
            digest.update(f"{name} {tuple(value.shape)}".encode())
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()
