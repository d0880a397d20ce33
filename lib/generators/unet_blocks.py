"""Parts of the U-Nets: convolutions that resample, attention, residual blocks, noise embeddings.

Images are (b, c, h, w) float32, embeddings (b, n).

Source: Song et al. 2021, "Score-Based Generative Modeling", App. H, as in Karras et al. 2022,
Table 7.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from advlib.generators.dropout import dropped
from advlib.generators.spec import groups

HALF = math.sqrt(0.5)  # keeps the variance of a sum of two
SMALL = 1e-5  # by which weights of last layers begin, so that a block begins as nothing


class Resampled(nn.Module):
    """A convolution before which sides are doubled ("up") or halved ("down") by a filter.

    fused: convolve before the filter rather than after it.  The filter is `resample_filter`,
    (1, 1, k, k), normalised to sum 1.
    """

    def __init__(
        self, inner: int, outer: int, kernel: int, resample: str, taps: tuple[int, ...], fused: bool
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outer, inner, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outer))
        row = torch.tensor(taps, dtype=torch.float32)
        square = torch.outer(row, row) / row.sum() ** 2
        self.register_buffer("resample_filter", square[None, None])
        self.resample, self.fused = resample, fused
        nn.init.xavier_uniform_(self.weight)

    def forward(self, images: Tensor) -> Tensor:
        """The images, resampled and convolved."""
        taps: Tensor = self.resample_filter  # type: ignore[assignment]
        around, edge = self.weight.shape[-1] // 2, (taps.shape[-1] - 1) // 2
        if self.fused:
            images = functional.conv2d(images, self.weight, padding=around + edge)
            filters = taps.expand(len(self.weight), -1, -1, -1)
            images = functional.conv2d(images, filters, stride=2, groups=len(self.weight))
            return images + self.bias[:, None, None]
        channels = images.shape[1]
        filters = taps.expand(channels, -1, -1, -1)
        if self.resample == "up":
            images = functional.conv_transpose2d(
                images, 4 * filters, stride=2, padding=edge, groups=channels
            )
        else:
            images = functional.conv2d(images, filters, stride=2, padding=edge, groups=channels)
        return functional.conv2d(images, self.weight, self.bias, padding=around)


def convolution(
    inner: int,
    outer: int,
    kernel: int,
    resample: str = "",
    taps: tuple[int, ...] = (1, 1),
    *,
    fused: bool = False,
    scale: float = 1.0,
) -> nn.Module:
    """A convolution that keeps sides but for `resample`; weights begin `scale` times as usual."""
    if resample:
        return Resampled(inner, outer, kernel, resample, taps, fused)
    made = nn.Conv2d(inner, outer, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(made.weight)
    with torch.no_grad():
        made.weight.mul_(scale)
        made.bias.zero_()  # type: ignore[union-attr]
    return made


def linear(inner: int, outer: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer, begun as the convolutions are."""
    made = nn.Linear(inner, outer, bias=bias)
    nn.init.xavier_uniform_(made.weight)
    if bias:
        nn.init.zeros_(made.bias)
    return made


def normalisation(channels: int) -> nn.GroupNorm:
    """Group norm, of 4 channels a group and at most 32 groups."""
    return nn.GroupNorm(groups(channels), channels, eps=1e-6)


class UNetBlock(nn.Module):
    """A residual block that knows the noise level, with or without attention after it."""

    def __init__(
        self,
        inner: int,
        outer: int,
        embedding: int,
        dropout: float,
        *,
        resample: str = "",
        taps: tuple[int, ...] = (1, 1),
        attention: bool = False,
    ):
        super().__init__()
        self.dropout, self.number = dropout, 0  # the network counts its blocks
        self.norm0 = normalisation(inner)
        self.conv0 = convolution(inner, outer, 3, resample, taps)
        self.affine = linear(embedding, outer)
        self.norm1 = normalisation(outer)
        self.conv1 = convolution(outer, outer, 3, scale=SMALL)
        self.skip = (
            convolution(inner, outer, 1, resample, taps) if resample or inner != outer else None
        )
        self.attends = attention
        if attention:
            self.norm2 = normalisation(outer)
            self.qkv = convolution(outer, 3 * outer, 1, scale=math.sqrt(0.2))
            self.proj = convolution(outer, outer, 1, scale=SMALL)

    def forward(self, images: Tensor, embedding: Tensor, draws: Tensor | None = None) -> Tensor:
        """The block's maps.  draws: (b,) of its dropout in training; see dropout."""
        maps = self.conv0(functional.silu(self.norm0(images)))
        maps = self.norm1(maps + self.affine(embedding)[:, :, None, None])
        maps = functional.silu(maps)
        if self.training:
            maps = dropped(maps, self.dropout, draws, self.number)
        maps = (self.conv1(maps) + (images if self.skip is None else self.skip(images))) * HALF
        return (self._attended(maps) + maps) * HALF if self.attends else maps

    def _attended(self, maps: Tensor) -> Tensor:
        b, c, h, w = maps.shape
        # query, key and value of a channel lie beside each other
        parts = self.qkv(self.norm2(maps)).reshape(b, c, 3, h * w)
        query, key, value = parts.permute(2, 0, 3, 1)[:, :, None].unbind(0)  # (b, 1, h w, c)
        found = functional.scaled_dot_product_attention(query, key, value)
        return self.proj(found[:, 0].transpose(1, 2).reshape(b, c, h, w))


class Positional(nn.Module):
    """Cosines and sines of a noise level at frequencies from 1 to 1/10000, (b,) to (b, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, noise: Tensor) -> Tensor:
        """(b,) to (b, width)."""
        half = self.width // 2
        exponents = torch.arange(half, dtype=torch.float32, device=noise.device) / (half - 1)
        angles = noise[:, None] * (1 / 10000) ** exponents
        return torch.cat((angles.cos(), angles.sin()), 1)


class Fourier(nn.Module):
    """Cosines and sines of a noise level at frequencies that are drawn once, N(0, scale^2)."""

    def __init__(self, width: int, scale: float = 16.0):
        super().__init__()
        self.register_buffer("freqs", torch.randn(width // 2) * scale)

    def forward(self, noise: Tensor) -> Tensor:
        """(b,) to (b, width)."""
        angles = noise[:, None] * (2 * math.pi * self.freqs)  # type: ignore[operator]
        return torch.cat((angles.cos(), angles.sin()), 1)
