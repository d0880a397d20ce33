"""Checkpoints of others: which network their weights are of, and putting them into ours."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.architecture import Architecture, Naming
from advlib.models.network import Classifier, build, decimals

# what DistributedDataParallel, torch.compile, a wrapper and a Sequential of one put before names
WRAPPERS = {"module", "_orig_mod", "model", "0"}
COUNTER = "num_batches_tracked"  # of batch norm; nothing here reads it, and old files lack it


@dataclass(frozen=True)
class Wanted:
    """What the caller expects of a file, or knows of it; None where not."""

    model: Architecture | None = None
    classes: int | None = None
    image_size: int | None = None
    normalisation: str | None = None  # a key of zoo.NORMALISATIONS


def read_network(
    path: str | os.PathLike, tensors: Mapping[Any, Any], wanted: Wanted
) -> tuple[Classifier, dict]:
    """The network that the tensors of others are of, filled with them; {"format", "assumed"}.

    path: for messages.  assumed: what of the description neither file nor caller said.

    Raises DataError for tensors of no network known here, or not of the wanted one.
    """
    for key, value in tensors.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise DataError(f"{path}: {key}: found {type(value).__name__}; expected a tensor")
    architecture, prefix = _recognised(path, tensors)
    naming = architecture.naming
    found = _Found(path, tensors, naming, prefix)
    model, assumed = architecture.read_off(found), []
    for field in model.untold:
        if wanted.model is None:
            assumed.append(field)
        else:
            model = replace(cast(Any, model), **{field: getattr(wanted.model, field)})
    if wanted.model is not None and wanted.model != model:
        raise DataError(f"{path}: holds {model.name}; expected {wanted.model.name}")
    classes, channels = found.shape("head.weight", 2)[0], found.shape("stem.weight", 4)[1]
    mean, std = found.normalisation()
    if mean is None:
        usual = model.normalisation
        usual = "cifar100" if usual == "cifar10" and classes == 100 else usual
        mean, std = _values(wanted.normalisation or usual, channels)
        assumed += [] if wanted.normalisation else ["mean", "std"]
    elif wanted.normalisation:
        raise DataError(f"{path}: normalisation: the file has its own; leave the option out")
    assumed += [] if wanted.image_size else ["image_size"]
    try:
        if len(mean) != channels:
            raise DataError(f"takes {channels} channels; the normalisation has {len(mean)}")
        with torch.device("meta"):
            module = build(model, classes, wanted.image_size or 32, mean, std)
    except DataError as err:
        raise DataError(f"{path}: {err}") from None
    tensors = {
        **tensors,
        **{
            prefix + key: torch.tensor(values).view(-1, 1, 1)
            for key, values in (("mean", mean), ("std", std))
        },
    }
    fill(path, module, tensors, {key: prefix + naming.name(key) for key in module.state_dict()})
    return module, {"format": naming.origin, "assumed": assumed}


def _values(name: str, channels: int) -> tuple:
    if name not in zoo.NORMALISATIONS:
        known = ", ".join(zoo.NORMALISATIONS)
        raise DataError(f"normalisation: found {name!r}; expected one of {known}")
    mean, std = zoo.NORMALISATIONS[name]
    return (mean[:1] * channels, std[:1] * channels) if name == "none" else (mean, std)


def _recognised(path: str | os.PathLike, tensors: Mapping) -> tuple[type[Architecture], str]:
    """The architecture whose names these are, and what stands before each of them."""
    for architecture in zoo.ARCHITECTURES:
        head = architecture.naming.name("head.weight")
        for key in tensors:
            prefix = key.removesuffix(head)
            if prefix == key or not (prefix == "" or prefix.endswith(".")):
                continue
            before = prefix.split(".")[:-1]
            if "1" in before:
                # a Sequential of a normalisation, whose values are not saved, and the network
                raise DataError(
                    f"{path}: {key}: a second normalisation stands before the network, and "
                    "the file does not hold its values"
                )
            if set(before) <= WRAPPERS:
                return architecture, prefix
    first = next(iter(tensors), "nothing")
    known = ", or ".join(architecture.naming.what for architecture in zoo.ARCHITECTURES)
    raise DataError(
        f"{path}: no network known here (it starts with {first}); expected ours, {known}"
    )


@dataclass(frozen=True)
class _Found:
    """The tensors of a file, by our names; see architecture.Weights."""

    path: str | os.PathLike
    tensors: Mapping[str, Tensor]
    naming: Naming
    prefix: str

    def shape(self, ours: str, dimensions: int) -> tuple[int, ...]:
        if not self.has(ours):
            raise self.refusal(ours, "not there")
        shape = tuple(self.tensors[self.prefix + self.naming.name(ours)].shape)
        if len(shape) != dimensions:
            raise self.refusal(ours, f"found shape {shape}; expected {dimensions} dimensions")
        return shape

    def has(self, ours: str) -> bool:
        return self.prefix + self.naming.name(ours) in self.tensors

    def refusal(self, ours: str, why: str) -> DataError:
        return DataError(f"{self.path}: {self.prefix + self.naming.name(ours)}: {why}")

    def normalisation(self) -> tuple:
        """Mean and deviation of the channels; None twice where the file has none."""
        given = {key: self.tensors.get(self.prefix + key) for key in ("mean", "std")}
        if all(value is None for value in given.values()):
            return None, None
        out = []
        for key, value in given.items():
            if value is None or not value.is_floating_point():
                found = "nothing" if value is None else value.dtype
                raise DataError(f"{self.path}: {self.prefix}{key}: found {found}; expected numbers")
            out.append(decimals(value))
        return tuple(out)


def fill(
    path: str | os.PathLike, module: Classifier, tensors: Mapping, names: Mapping[str, str]
) -> None:
    """Give a module without memory the tensors of a file, copied, in float32.

    names: the file's name for each tensor of the module.

    Raises DataError that names the first tensor which is missing, of another shape, or not of
    the module.
    """
    state = {}
    for key, hollow in module.state_dict().items():
        value, name, shape = tensors.get(names[key]), names[key], tuple(hollow.shape)
        if value is None and key.endswith(COUNTER):
            value = torch.zeros(shape, dtype=hollow.dtype)
        if value is None:
            raise DataError(f"{path}: {name}: not there; expected shape {shape} for {_of(module)}")
        if tuple(value.shape) != shape:
            found = tuple(value.shape)
            raise DataError(
                f"{path}: {name}: found shape {found}; expected {shape} for {_of(module)}"
            )
        plain = value.layout is torch.strided and value.device.type == "cpu"
        if not plain or value.is_floating_point() != hollow.is_floating_point():
            raise DataError(f"{path}: {name}: found {value.dtype}; expected {hollow.dtype}")
        # a copy: what is mapped from the file would change, or fail, with it
        state[key] = value.detach().to(hollow.dtype, copy=True).contiguous()
    known = set(names.values())
    for name in tensors:
        if name not in known:
            raise DataError(f"{path}: {name}: not part of {_of(module)}")
    module.load_state_dict(state, assign=True)


def _of(module: Classifier) -> str:
    return f"{module.model.name} with {module.classes} classes"
