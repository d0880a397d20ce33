"""Features of any checkpoint: what its network's last layer sees."""

import re

import torch
from torch import Tensor, device

from advlib.errors import DataError
from advlib.jobs.files import file_sha256
from advlib.models import checkpoints
from advlib.models.network import laid_out
from advlib.quality.features import no_weights
from advlib.shards.augmentation import to_float
from advlib.shards.chunk import shape_text

DIGITS = 8  # of the SHA-256 of a checkpoint, in the name of its distance


class CheckpointFeatures:
    """The pooled maps of a classifier, before its linear layer.

    The distance is called fd_, the network's name and the first digits of the file's SHA-256: of
    two checkpoints' distances none is taken for the other's.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], where: device, weights: str | None = None
    ):
        no_weights(name, weights)
        network, _ = checkpoints.load(name)
        channels, height, width = network.shape
        if tuple(shape) != (height, width, channels):
            raise DataError(
                f"features {name}: images of {shape_text(shape)}; {network.model.name} takes"
                f" {height}x{width}x{channels}"
            )
        model, digest = network.model.name, file_sha256(name)
        self.name, self.size = name, network.head.in_features
        self.column = "fd_" + re.sub(r"\W", "_", f"{model}_{digest[:DIGITS]}", flags=re.ASCII)
        self.about = {"name": model, "weights_sha256": digest}
        self.network = laid_out(network.to(where), torch.channels_last)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        return self.network.features(self.network.normalise(to_float(images))).mean((2, 3))
