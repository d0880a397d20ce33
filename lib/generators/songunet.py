"""The U-Nets DDPM++ and NCSN++, with the names of EDM's checkpoints.

    DDPM++   sinusoids of the noise level, box filters
    NCSN++   random frequencies, filters (1, 3, 3, 1), an encoder into which the image is fed again

Source: Song et al. 2021, App. H; settings of Karras et al. 2022, Table 7.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from advlib.generators.spec import NetworkSpec
from advlib.generators.unet_blocks import (
    HALF,
    SMALL,
    Fourier,
    Positional,
    UNetBlock,
    convolution,
    linear,
    normalisation,
)


class SongUNet(nn.Module):
    """What predicts from noisy images (b, c, h, w), scaled to unit variance, and their noise."""

    def __init__(self, spec: NetworkSpec):
        """Build with fresh weights."""
        super().__init__()
        self.spec = spec
        width, taps = spec.width, (1, 3, 3, 1) if spec.fourier else (1, 1)
        embedding, noise = 4 * width, width * (2 if spec.fourier else 1)
        self.map_noise = Fourier(noise) if spec.fourier else Positional(noise)
        self.map_label = linear(spec.classes, noise) if spec.classes else None
        self.map_augment = (
            linear(spec.augmentations, noise, bias=False) if spec.augmentations else None
        )
        self.map_layer0 = linear(noise, embedding)
        self.map_layer1 = linear(embedding, embedding)

        def block(inner: int, outer: int, attention: bool = False, resample: str = "") -> UNetBlock:
            return UNetBlock(
                inner,
                outer,
                embedding,
                spec.dropout,
                resample=resample,
                taps=taps,
                attention=attention,
            )

        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        channels, fed = width, spec.shape[0]
        skips: list[int] = []  # channels of the maps that the decoder takes
        for i, side in enumerate(spec.levels):
            at, outer = f"{side}x{side}", width * spec.multipliers[i]
            if i == 0:
                self.enc[f"{at}_conv"] = convolution(fed, channels, 3)
            else:
                self.enc[f"{at}_down"] = block(channels, channels, resample="down")
                if spec.fourier:
                    self.enc[f"{at}_aux_residual"] = convolution(
                        fed, channels, 3, "down", taps, fused=True
                    )
                    fed = channels
            skips.append(channels)
            for n in range(spec.blocks):
                self.enc[f"{at}_block{n}"] = block(channels, outer, side in spec.attention)
                channels = outer
                skips.append(channels)
        for i, side in reversed(list(enumerate(spec.levels))):
            at, outer = f"{side}x{side}", width * spec.multipliers[i]
            if side == spec.levels[-1]:
                self.dec[f"{at}_in0"] = block(channels, channels, attention=True)
                self.dec[f"{at}_in1"] = block(channels, channels)
            else:
                self.dec[f"{at}_up"] = block(channels, channels, resample="up")
            for n in range(spec.blocks + 1):
                attends = n == spec.blocks and side in spec.attention
                self.dec[f"{at}_block{n}"] = block(channels + skips.pop(), outer, attends)
                channels = outer
        blocks = [module for module in self.modules() if isinstance(module, UNetBlock)]
        for number, each in enumerate(blocks):
            each.number = number
        self.dec[f"{at}_aux_norm"] = normalisation(channels)
        self.dec[f"{at}_aux_conv"] = convolution(channels, spec.shape[0], 3, scale=SMALL)

    def forward(
        self,
        images: Tensor,
        noise: Tensor,
        labels: Tensor | None,
        augmented: Tensor | None,
        draws: Tensor | None = None,
    ) -> Tensor:
        """As large as the images.

        noise: (b,), of the preconditioning.  labels: (b, classes), one-hot; None for no class.
        augmented: (b, augmentations); None for images that were not.  draws: (b,) int64 random
        words that decide on dropout; None for torch's generator.
        """
        embedding = self._embedding(noise, labels, augmented)
        skips = self._encoded(images, embedding, draws)
        maps = skips[-1]
        for name, layer in self.dec.items():
            if "_block" in name:
                maps = torch.cat((maps, skips.pop()), 1)
            if name.endswith("_aux_norm"):
                maps = functional.silu(layer(maps))
            else:
                maps = _through(layer, maps, embedding, draws)
        return maps

    def features(self, images: Tensor, noise: Tensor, least: int) -> Tensor:
        """The encoder's last maps of a side of `least` or more, (b, c, h, w), of no class."""
        found = self._encoded(images, self._embedding(noise, None, None), None)
        return next((maps for maps in reversed(found) if maps.shape[-1] >= least), found[0])

    def _encoded(self, images: Tensor, embedding: Tensor, draws: Tensor | None) -> list[Tensor]:
        """The maps of the encoder's layers, which the decoder takes from the last on."""
        found: list[Tensor] = []
        maps = fed = images
        for name, layer in self.enc.items():
            if name.endswith("_aux_residual"):
                fed = maps = (maps + layer(fed)) * HALF
                found[-1] = maps
                continue
            maps = _through(layer, maps, embedding, draws)
            found.append(maps)
        return found

    def _embedding(self, noise: Tensor, labels: Tensor | None, augmented: Tensor | None) -> Tensor:
        """(b, 4 width), of noise level, class and augmentation."""
        cosines, sines = self.map_noise(noise).chunk(2, 1)
        found = torch.cat((sines, cosines), 1)
        if self.map_label is not None:
            if labels is None:
                labels = found.new_zeros(len(found), self.spec.classes)
            found = found + self.map_label(labels * math.sqrt(self.spec.classes))
        if self.map_augment is not None and augmented is not None:
            found = found + self.map_augment(augmented)
        return functional.silu(self.map_layer1(functional.silu(self.map_layer0(found))))


def _through(layer: nn.Module, maps: Tensor, embedding: Tensor, draws: Tensor | None) -> Tensor:
    of_block = isinstance(layer, UNetBlock)
    return layer(maps, embedding, draws) if of_block else layer(maps)
