"""The discriminator of Discriminator Guidance in files: an extractor, and what judges its maps.

The public code has them in two state dictionaries, 32x32_classifier.pt and discriminator_250.pt.

Source: Kim et al. 2023, "Refining Generative Process with Discriminator Guidance", App. E.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.generators.adm_encoder import HEAD_CHANNELS, ADMEncoder, encoder_spec
from advlib.generators.checkpoints import filled
from advlib.generators.guidance import Discriminator
from advlib.generators.restricted_pickle import read_pickle


@dataclass
class FeatureDiscriminator:
    """Judges noisy images by the maps of an extractor, which nobody trains."""

    extractor: ADMEncoder
    head: ADMEncoder

    def probability(self, images: Tensor, tau: Tensor, label: Tensor | None) -> Tensor:
        """That images m x, (b, c, h, w), are of real data, (b,) float32.

        tau: (b,) in [0, 1].  label: (b,) int64, which a discriminator without classes skips.
        """
        maps = self.extractor.features(images.float(), tau)
        return torch.sigmoid(self.head(maps, tau, label)[:, 0])

    def of(self, label: Tensor | None) -> Discriminator:
        """What judges images of these classes, as Guidance takes it."""
        return lambda images, tau: self.probability(images, tau, label)

    def to(self, device: torch.device) -> "FeatureDiscriminator":
        """The same, on a device."""
        return FeatureDiscriminator(self.extractor.to(device), self.head.to(device))

    def require_fit(self, path: str, shape: tuple[int, int, int], classes: int) -> None:
        """DataError unless it takes images of a shape (c, h, w), of so many classes."""
        taken = self.extractor.spec
        if (taken.channels, taken.side, taken.side) != shape:
            raise DataError(
                f"{path}: takes images of {taken.side}x{taken.side}x{taken.channels}; the"
                f" generator makes {shape[1]}x{shape[2]}x{shape[0]}"
            )
        if 0 < self.head.spec.classes < classes:
            raise DataError(
                f"{path}: knows {self.head.spec.classes} classes; the generator has {classes}"
            )


def load_discriminator(
    path: str | Path, extractor: str | Path, head_channels: int = HEAD_CHANNELS
) -> FeatureDiscriminator:
    """The discriminator in two files of the public code, read without running anything in them.

    head_channels: of attention, which the files do not tell.
    Raises DataError, one line, for files that are none, or do not go together.
    """
    below, above = (_encoder(Path(one), head_channels) for one in (extractor, path))
    spec, wanted = below.spec, above.spec
    maps = spec.width * spec.multipliers[-1], spec.side >> (len(spec.multipliers) - 1)
    if (wanted.channels, wanted.side) != maps or wanted.outputs != 1:
        raise DataError(
            f"{path}: judges {wanted.channels} maps of side {wanted.side} by {wanted.outputs}"
            f" values; expected one value of the {maps[0]} maps of side {maps[1]} of {extractor}"
        )
    return FeatureDiscriminator(below, above)


def _encoder(path: Path, head_channels: int) -> ADMEncoder:
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected an encoder of ADM")
    content = read_pickle(path)
    try:
        if not isinstance(content, Mapping):
            raise ValueError(f"a {type(content).__name__}")
        tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
        spec = encoder_spec(tensors, head_channels)
    except (ValueError, KeyError, IndexError, ZeroDivisionError) as err:
        raise DataError(f"{path}: {err}: not an encoder of ADM") from None
    made = filled(path, lambda: ADMEncoder(spec), tensors, "an encoder of ADM")
    assert isinstance(made, ADMEncoder)
    return made
