"""Checkpoints of EDM, PFGM++, SiD and ECT: which network they hold, read off their tensors.

Sources: the public code of NVlabs/edm, Newbeeer/pfgmpp, mingyuanzhou/SiD and locuslab/ect, whose
files hold `ema`, or `net`, as a persistent object or as a dictionary of tensors.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from advlib.errors import DataError
from advlib.generators.restricted_pickle import Kept, read_pickle, tensors_of
from advlib.generators.spec import NetworkSpec

NETWORKS = ("ema", "net")  # where a file has its network; averaged weights first
KINDS = {"EDMPrecond": "edm", "EDMPrecond_EncoderDecoder": "edm", "ECMPrecond": "ect"}
FIRST = re.compile(r"model\.enc\.(\d+)x\1_conv\.weight")
BLOCK = re.compile(r"model\.enc\.(\d+)x\1_block(\d+)\.(conv0|qkv)\.weight")


def read_official(path: str | Path) -> tuple[dict[str, Tensor], NetworkSpec, str, int | None]:
    """The tensors of an official checkpoint, their network, its kind, and PFGM++'s D.

    kind: "edm", "pfgmpp" or "ect"; of a file of tensors alone, which does not say it, "edm".
    Raises DataError for what is none, without running anything in it; OSError.
    """
    content = read_pickle(path)
    network = (
        next((content[k] for k in NETWORKS if k in content), None)
        if isinstance(content, Mapping)
        else content
    )
    try:
        if isinstance(network, Kept):
            tensors, settings = tensors_of(network), network.state.get("_init_kwargs") or {}
            kind = KINDS.get(network.class_name)
            if kind is None:
                raise ValueError(f"a {network.class_name[:40]!r}; expected {', '.join(KINDS)}")
        elif isinstance(network, Mapping):
            tensors = {k: v for k, v in network.items() if isinstance(v, Tensor)}
            settings, kind = {}, "edm"
        else:
            raise ValueError(f"no network under {' or '.join(NETWORKS)}")
        dimensions = None
        if settings.get("pfgmpp"):
            kind, dimensions = "pfgmpp", int(settings["D"])
        return tensors, spec_of(tensors, settings), kind, dimensions
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(f"{path}: {err}: not a network of EDM, PFGM++, SiD or ECT") from None


def spec_of(tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> NetworkSpec:
    """The network that tensors are of, by their names and shapes.

    settings: what the network was made with, of which only the dropout is not in the tensors.
    Raises ValueError or KeyError for tensors of another network.
    """
    first = next((found for found in map(FIRST.fullmatch, tensors) if found), None)
    if first is None:
        raise ValueError("no tensor model.enc.*_conv.weight")
    side = int(first[1])
    width, channels = tensors[first[0]].shape[:2]
    outer: dict[int, int] = {}  # channels of a level
    blocks, attention = 0, set()
    for found in filter(None, map(BLOCK.fullmatch, tensors)):
        level = int(found[1])
        if found[3] == "qkv":
            attention.add(level)
        else:
            outer[level] = len(tensors[found[0]])
            blocks = max(blocks, int(found[2]) + 1)
    label, augment = (tensors.get(f"model.map_{n}.weight") for n in ("label", "augment"))
    dropout = settings.get("dropout", NetworkSpec.dropout)
    return NetworkSpec(
        "ncsnpp" if "model.map_noise.freqs" in tensors else "ddpmpp",
        (channels, side, side),
        0 if label is None else label.shape[1],
        0 if augment is None else augment.shape[1],
        width,
        tuple(outer[level] // width for level in sorted(outer, reverse=True)),
        blocks,
        tuple(sorted(attention, reverse=True)),
        float(dropout),
    )
