"""The encoder of ADM that knows a time: of Discriminator Guidance the extractor and the judge.

Names and order of the tensors are those of the public code, whose state dictionaries load as they
are.  Images and maps are (b, c, h, w) float32, times (b,) in [0, 1].

Sources: Dhariwal and Nichol 2021, "Diffusion Models Beat GANs on Image Synthesis", App. I; Kim et
al. 2023, App. E.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 32  # of group norm
LATEST = 999.0  # the time 1, as the embedding has it
HEAD_CHANNELS = 64  # of attention, in the released files


@dataclass(frozen=True)
class EncoderSpec:
    """Sizes of an encoder.

    channels, side: of what it takes.  width: channels, times one of `multipliers` a level.  blocks:
    of a level.  attention: levels that attend, the first is 0.  outputs: of its head.  classes:
    that it is told, 0 for none.
    """

    channels: int
    side: int
    width: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: tuple[int, ...]
    outputs: int
    classes: int = 0
    head_channels: int = HEAD_CHANNELS


class Block(nn.Module):
    """A residual block that knows the time; `down` halves sides by means."""

    def __init__(self, inner: int, outer: int, embedding: int, *, down: bool = False):
        super().__init__()
        self.down = down
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, inner), nn.SiLU(), nn.Conv2d(inner, outer, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * outer))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, outer),
            nn.SiLU(),
            nn.Identity(),  # where the public code has dropout
            _zeroed(nn.Conv2d(outer, outer, 3, padding=1)),
        )
        self.skip_connection = nn.Identity() if inner == outer else nn.Conv2d(inner, outer, 1)

    def forward(self, maps: Tensor, embedding: Tensor) -> Tensor:
        norm, activation, convolution = self.in_layers
        found = activation(norm(maps))
        if self.down:
            found, maps = functional.avg_pool2d(found, 2), functional.avg_pool2d(maps, 2)
        found = convolution(found)
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, 1)
        found = self.out_layers[0](found) * (1 + scale) + shift
        return self.skip_connection(maps) + self.out_layers[1:](found)


class Attention(nn.Module):
    """Attention of several heads over places; query, key and value lie together for each head."""

    def __init__(self, channels: int, head_channels: int):
        super().__init__()
        self.heads = channels // head_channels
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = _zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, maps: Tensor, embedding: Tensor) -> Tensor:
        b, c, h, w = maps.shape
        flat = maps.reshape(b, c, h * w)
        parts = self.qkv(self.norm(flat)).reshape(b, self.heads, 3, c // self.heads, h * w)
        return (flat + self.proj_out(_attended(*parts.unbind(2)))).reshape(b, c, h, w)


class AttentionPool(nn.Module):
    """A head: what the mean over places attends to."""

    def __init__(self, side: int, channels: int, head_channels: int, outputs: int):
        super().__init__()
        self.heads = channels // head_channels
        start = torch.randn(channels, side * side + 1) / math.sqrt(channels)
        self.positional_embedding = nn.Parameter(start)
        self.qkv_proj = nn.Conv1d(channels, 3 * channels, 1)
        self.c_proj = nn.Conv1d(channels, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        b, c = maps.shape[:2]
        flat = maps.flatten(2)
        flat = torch.cat((flat.mean(2, keepdim=True), flat), 2) + self.positional_embedding
        parts = self.qkv_proj(flat).reshape(b, 3, self.heads, c // self.heads, -1)
        return self.c_proj(_attended(*parts.unbind(1)))[:, :, 0]


class ADMEncoder(nn.Module):
    """The encoder, in evaluation as in training: there is no dropout."""

    def __init__(self, spec: EncoderSpec):
        super().__init__()
        self.spec = spec
        embedding, channels = 4 * spec.width, spec.width * spec.multipliers[0]
        self.time_embed = nn.Sequential(
            nn.Linear(spec.width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.label_emb = nn.Embedding(spec.classes, embedding) if spec.classes else None
        stem = nn.Conv2d(spec.channels, channels, 3, padding=1)
        self.input_blocks = nn.ModuleList([nn.ModuleList([stem])])
        last = len(spec.multipliers) - 1
        for level, multiplier in enumerate(spec.multipliers):
            for _ in range(spec.blocks):
                parts: list[nn.Module] = [Block(channels, multiplier * spec.width, embedding)]
                channels = multiplier * spec.width
                if level in spec.attention:
                    parts.append(Attention(channels, spec.head_channels))
                self.input_blocks.append(nn.ModuleList(parts))
            if level < last:
                down = Block(channels, channels, embedding, down=True)
                self.input_blocks.append(nn.ModuleList([down]))
        self.middle_block = nn.ModuleList(
            [
                Block(channels, channels, embedding),
                Attention(channels, spec.head_channels),
                Block(channels, channels, embedding),
            ]
        )
        side = spec.side >> last
        pool = AttentionPool(side, channels, spec.head_channels, spec.outputs)
        self.out = nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.SiLU(), pool)

    def features(self, images: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """The maps of the middle, before the head."""
        embedding = self.time_embed(time_embedding(time, self.spec.width))
        if self.label_emb is not None and label is not None:
            embedding = embedding + self.label_emb(label)
        maps = images
        for i, block in enumerate([*self.input_blocks, self.middle_block]):
            for part in cast("nn.ModuleList", block):
                maps = part(maps, embedding) if i else part(maps)
        return maps

    def forward(self, images: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """What the head says, (b, outputs)."""
        return self.out(self.features(images, time, label))


def time_embedding(time: Tensor, width: int) -> Tensor:
    """Cosines and sines of times at frequencies from 1 to nearly 1/10000, (b, width)."""
    half = width // 2
    place = torch.arange(half, dtype=torch.float32, device=time.device) / half
    angles = (LATEST * time.float())[:, None] * torch.exp(-math.log(10_000) * place)
    return torch.cat((angles.cos(), angles.sin()), 1)


def encoder_spec(tensors: Mapping[str, Tensor], head_channels: int = HEAD_CHANNELS) -> EncoderSpec:
    """The sizes of the encoder that tensors are of, by their names and shapes.

    head_channels: of attention, which they do not tell.
    Raises ValueError or KeyError for tensors of another network.
    """
    stem = tensors["input_blocks.0.0.weight"]
    outer: list[int] = []
    while (last := f"input_blocks.{len(outer) + 1}.0.out_layers.3.weight") in tensors:
        outer.append(len(tensors[last]))
    attends = [f"input_blocks.{i + 1}.1.qkv.weight" in tensors for i in range(len(outer))]
    width = tensors["time_embed.0.weight"].shape[1]
    # a level begins where channels change; before it stands the block that halves sides
    changes = [i for i in range(1, len(outer)) if outer[i] != outer[i - 1]]
    blocks = changes[0] - 1 if changes else len(outer)
    levels, rest = divmod(len(outer) + 1, blocks + 1)
    if blocks < 1 or rest or levels < 1:
        raise ValueError(f"{len(outer)} blocks in levels of {blocks}")
    first = [level * (blocks + 1) for level in range(levels)]
    label = tensors.get("label_emb.weight")
    places = tensors["out.2.positional_embedding"].shape[1] - 1
    side = math.isqrt(places)
    if side * side != places:
        raise ValueError(f"{places} places in its head")
    return EncoderSpec(
        channels=stem.shape[1],
        side=side << (levels - 1),
        width=width,
        multipliers=tuple(outer[i] // width for i in first),
        blocks=blocks,
        attention=tuple(level for level, i in enumerate(first) if attends[i]),
        outputs=len(tensors["out.2.c_proj.bias"]),
        classes=0 if label is None else len(label),
        head_channels=head_channels,
    )


def _attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What queries (b, heads, c, places) find, (b, heads c, places)."""
    query, key, value = (part.transpose(2, 3) for part in (query, key, value))
    found = functional.scaled_dot_product_attention(query, key, value)
    return found.transpose(2, 3).flatten(1, 2)


def _zeroed(layer: nn.Conv2d | nn.Conv1d) -> nn.Module:
    """A layer that begins as nothing."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # it has one
    return layer
