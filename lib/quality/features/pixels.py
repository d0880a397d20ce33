"""Pixels as they are: features for small images, and for tests without any network."""

from math import prod

from torch import Tensor, device

from advlib.quality.features import no_weights


class Pixels:
    """The values of an image in [0, 1], row by row."""

    def __init__(
        self, name: str, shape: tuple[int, ...], where: device, weights: str | None = None
    ):
        no_weights(name, weights)
        self.name, self.column, self.size = name, "fd_pixels", prod(shape)
        self.about: dict[str, str] = {"name": name}

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1).float() / 255
