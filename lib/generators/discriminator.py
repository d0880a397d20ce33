"""Discriminators in files: what judges an extractor's maps; ours, and those of the public code.

Ours is a safetensors file with JSON, advgenerator(5), which says by its SHA-256 whose maps it
judges; the public code has a state dictionary, discriminator_250.pt, that does not.

Source: Kim et al. 2023, "Refining Generative Process with Discriminator Guidance", App. E.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.generators.adm_encoder import GROUPS, HEAD_CHANNELS, ADMEncoder, EncoderSpec
from advlib.generators.checkpoints import filled
from advlib.generators.extractor import Extractor, encoder_of, is_safetensors, load_extractor
from advlib.generators.guidance import Discriminator
from advlib.generators.restricted_pickle import read_pickle
from advlib.jobs.files import file_sha256
from advlib.jobs.tensorfile import load_tensors, save_tensors

FORMAT, VERSION = "advdiscriminator", 1
NAME = re.compile(r"adm-([0-9]{1,4})(?:x([0-9]{1,2}))?")
BLOCKS = 2  # of the public discriminator, whose width is 128
EXPECTED = "adm-128, with another width or, as adm-128x1, other blocks"
FIELDS = ("channels", "side", "classes", "width", "blocks")  # what decides a head of ours


def parse_head(name: str, maps: tuple[int, ...], classes: int) -> EncoderSpec:
    """The network of a name that judges maps (channels, side, side), of so many classes.

    It is ADM's encoder with one level, which attends, and one value.
    Raises DataError for any other name, and for maps that are no squares.
    """
    found = NAME.fullmatch(name.strip().lower())
    if not found:
        raise DataError(f"network: found {name!r}; expected {EXPECTED}")
    channels, height, side = maps
    if height != side:
        raise DataError(f"extractor: its maps are {height}x{side}; expected squares")
    return _head_spec(channels, side, classes, int(found[1]), int(found[2] or BLOCKS))


def _head_spec(channels: int, side: int, classes: int, width: int, blocks: int) -> EncoderSpec:
    attends = min(width, HEAD_CHANNELS)
    if width % GROUPS or not attends or width % attends:
        raise DataError(f"width: found {width}; expected {GROUPS} or a multiple of {HEAD_CHANNELS}")
    if min(channels, side, blocks) < 1 or classes < 0:
        raise DataError(f"head: found {blocks} blocks on {channels} maps of side {side}")
    return EncoderSpec(channels, side, width, (1,), blocks, (0,), 1, classes, attends)


def describe_head(spec: EncoderSpec) -> dict[str, Any]:
    """What `_head_spec` takes, as JSON."""
    return {name: getattr(spec, name) for name in FIELDS}


def head_name(spec: EncoderSpec) -> str:
    """As people write it."""
    return f"adm-{spec.width}" + ("" if spec.blocks == BLOCKS else f"x{spec.blocks}")


@dataclass
class FeatureDiscriminator:
    """Judges noisy images by the maps of an extractor, which nobody trains."""

    extractor: Extractor
    head: ADMEncoder

    def probability(self, images: Tensor, tau: Tensor, label: Tensor | None) -> Tensor:
        """That images m x, (b, c, h, w), are of real data, (b,) float32.

        tau: (b,) in [0, 1].  label: (b,) int64, which a discriminator without classes skips.
        """
        maps = self.extractor(images.float(), tau.float())
        return torch.sigmoid(self.head(maps, tau, label)[:, 0])

    def of(self, label: Tensor | None) -> Discriminator:
        """What judges images of these classes, as Guidance takes it."""
        return lambda images, tau: self.probability(images, tau, label)

    def to(self, device: torch.device) -> "FeatureDiscriminator":
        """The same, on a device."""
        return FeatureDiscriminator(self.extractor.to(device), self.head.to(device))

    def require_fit(self, path: str, shape: tuple[int, int, int], classes: int) -> None:
        """DataError unless it takes images of a shape (c, h, w), of so many classes."""
        channels, height, width = self.extractor.shape
        if self.extractor.shape != shape:
            raise DataError(
                f"{path}: takes images of {height}x{width}x{channels}; the generator makes"
                f" {shape[1]}x{shape[2]}x{shape[0]}"
            )
        if 0 < self.head.spec.classes < classes:
            raise DataError(
                f"{path}: knows {self.head.spec.classes} classes; the generator has {classes}"
            )


def save_discriminator(path: str | Path, head: ADMEncoder, about: Mapping[str, Any]) -> None:
    """Write a discriminator, whole or not at all.

    about: JSON to be kept with it: `extractor`, which has `sha256`, and what else is known.
    Raises OSError where it cannot be written.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        **about,
        "head": describe_head(head.spec),
        "parameters": sum(p.numel() for p in head.parameters()),
    }
    save_tensors(path, head.state_dict(), FORMAT, document)


def load_discriminator(
    path: str | Path, extractor: str | Path, head_channels: int = HEAD_CHANNELS
) -> FeatureDiscriminator:
    """The discriminator and its extractor in two files, read without running anything in them.

    head_channels: of attention, which files of the public code do not tell.
    Raises DataError, one line, for files that are none, or do not go together.
    """
    path = Path(path)
    ours = is_safetensors(path, "a discriminator")
    below = load_extractor(extractor, head_channels)
    above = _ours(path, extractor) if ours else encoder_of(path, read_pickle(path), head_channels)
    wanted, maps = above.spec, below.maps()
    if (wanted.channels, wanted.side, wanted.side) != maps or wanted.outputs != 1:
        raise DataError(
            f"{path}: judges {wanted.channels} maps of side {wanted.side} by {wanted.outputs}"
            f" values; expected one value of the {maps[0]} maps of side {maps[1]} of {extractor}"
        )
    return FeatureDiscriminator(below, above)


def _ours(path: Path, extractor: str | Path) -> ADMEncoder:
    tensors, document = load_tensors(path, FORMAT)
    about = document or {}
    found = about.get("format"), about.get("version")
    if found != (FORMAT, VERSION):
        raise DataError(
            f"{path}: of format {found[0]}, version {found[1]}; expected {FORMAT}, {VERSION}"
        )
    below, head = about.get("extractor"), about.get("head")
    if not (isinstance(below, dict) and isinstance(below.get("sha256"), str)):
        raise DataError(f"{path}: extractor: found {below!r:.40}; expected its sha256")
    counted = isinstance(head, dict) and all(type(head.get(name)) is int for name in FIELDS)
    if not isinstance(head, dict) or not counted:
        raise DataError(f"{path}: head: found {head!r:.40}; expected counts: {', '.join(FIELDS)}")
    try:
        spec = _head_spec(**{name: head[name] for name in FIELDS})
    except DataError as err:
        raise DataError(f"{path}: {err}") from None
    digest = file_sha256(extractor)
    if digest != below["sha256"]:
        raise DataError(
            f"{extractor}: SHA-256 begins with {digest[:12]}; {path} judges maps of the extractor"
            f" with {below['sha256'][:12]}"
        )
    made = filled(path, lambda: ADMEncoder(spec), tensors, "a discriminator")
    assert isinstance(made, ADMEncoder)
    return made
