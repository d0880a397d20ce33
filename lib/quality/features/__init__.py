"""The table of feature extractors: networks, and the pixels, in which images are compared.

An extractor is one file here, with a class as `Features` says, and a line in EXTRACTORS.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from advlib.errors import DataError

if TYPE_CHECKING:  # names are read for options, at once
    from torch import Tensor, device

EXTRACTORS = {  # name: module that holds it, and after a colon the class
    "inception": "advlib.quality.features.inception:Inception",
    "inception-half-pixel": "advlib.quality.features.inception:HalfPixelInception",
    "efficientnet-lite0": "advlib.quality.features.efficientnet:EfficientNet",
    "pixels": "advlib.quality.features.pixels:Pixels",
}
CHECKPOINT = "advlib.quality.features.checkpoint:CheckpointFeatures"  # of a file's name


class Features(Protocol):
    """What images are compared by.

    name: as in the table.  column: what the distance in them is called in tables: "fid", or "fd_"
    and the features' name.  size: d, how many there are.  about: what tells them from others, as
    JSON: weights and resizing.
    """

    name: str
    column: str
    size: int
    about: dict[str, str]

    def __call__(self, images: Tensor) -> Tensor:
        """Features (b, d) float32 of images (b, h, w, c) uint8, on the device of both."""


def open_features(
    name: str, shape: tuple[int, ...], where: device, weights: str | None = None
) -> Features:
    """The extractor of that name, or the checkpoint of ours in the file of that name.

    shape: of an image, (height, width, channels).  where: the device to compute on.  weights: the
    file of an extractor that takes one.
    Raises DataError where there is no such extractor or file, images do not suit it, or its
    weights are not what they should be.
    """
    spec = EXTRACTORS.get(name)
    if spec is None:
        if not os.path.exists(name):
            raise DataError(
                f"features: found {name!r}; expected {', '.join(EXTRACTORS)} or a checkpoint's file"
            )
        spec = CHECKPOINT
    module, _, kind = spec.partition(":")
    return getattr(import_module(module), kind)(name, shape, where, weights)


def no_weights(name: str, weights: str | None) -> None:
    """DataError where a file of weights is given to an extractor that takes none."""
    if weights is not None:
        raise DataError(f"features {name} take no file of weights")


def three_channels(images: Tensor) -> Tensor:
    """Images (b, h, w, 1 or 3) as floats (b, 3, h, w) of the same values; grey as equal colours."""
    return images.permute(0, 3, 1, 2).float().expand(-1, 3, -1, -1).contiguous()


def require_colours(name: str, shape: tuple[int, ...]) -> None:
    """DataError unless images are grey or of three channels."""
    if shape[2] not in (1, 3):
        raise DataError(f"features {name}: images of {shape[2]} channels; expected 1 or 3")
