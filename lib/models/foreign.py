"""Weights under other houses' names: which network they are of, and putting them into ours."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.network import Classifier, build, decimals

# what DistributedDataParallel, torch.compile, a wrapper and a Sequential of one put before names
WRAPPERS = {"module", "_orig_mod", "model", "0"}
COUNTER = "num_batches_tracked"  # of batch norm; nothing here reads it, and old files lack it


@dataclass(frozen=True)
class Naming:
    """How a house names what ours names `stem`, `norm`, `head` and `groups.G.B.PART`.

    block: what stands for `groups.G.B`, with {g} for the group, {g1} for it counted from 1, {b}.
    """

    house: str
    top: Mapping[str, str]
    block: str
    parts: Mapping[str, str]

    def name(self, ours: str) -> str:
        """The house's name of a tensor that ours names so."""
        if not ours.startswith("groups."):
            first, *rest = ours.split(".")
            return ".".join([self.top.get(first, first), *rest])
        _, group, block, part, *rest = ours.split(".")
        where = self.block.format(g=group, g1=int(group) + 1, b=block)
        return ".".join([where, self.parts[part], *rest])


# The study, and RobustBench for Gowal 2020, Rebuffi 2021, Wang 2023, Bartoldson 2024 and others
DEEPMIND = Naming(
    "robustbench",
    {"stem": "init_conv", "norm": "batchnorm", "head": "logits"},
    "layer.{g}.block.{b}",
    {
        "norm1": "batchnorm_0",
        "conv1": "conv_0",
        "norm2": "batchnorm_1",
        "conv2": "conv_1",
        "shortcut": "shortcut",
    },
)
CIFAR_RESNET = Naming(
    "pyautoattack",
    {"stem": "conv1", "norm": "bn1", "head": "linear"},
    "layer{g1}.{b}",
    {
        "norm1": "bn1",
        "conv1": "conv1",
        "norm2": "bn2",
        "conv2": "conv2",
        "shortcut": "shortcut.0",
        "shortcut_norm": "shortcut.1",
    },
)


@dataclass(frozen=True)
class Wanted:
    """What the caller expects of a file, or knows of it; None where not."""

    model: zoo.Model | None = None
    classes: int | None = None
    image_size: int | None = None
    normalisation: str | None = None  # a key of zoo.NORMALISATIONS


def network(path, tensors: Mapping, wanted: Wanted) -> tuple[Classifier, dict]:
    """The network that foreign tensors are of, filled with them; {"format", "assumed"}.

    path: for messages.  assumed: what of the description neither file nor caller said.

    Raises DataError for tensors of no network known here, or not of the wanted one.
    """
    for key, value in tensors.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise DataError(f"{path}: {key}: found {type(value).__name__}; expected a tensor")
    naming, prefix = _house(path, tensors)
    found = _Found(path, tensors, naming, prefix)
    model, assumed = found.model(), []
    if isinstance(model, zoo.WideResNet):
        if wanted.model is None:
            assumed.append("activation")
        else:  # no tensor tells the activation
            model = replace(model, activation=wanted.model.activation)
    if wanted.model not in (None, model):
        raise DataError(f"{path}: holds {model.name}; expected {wanted.model.name}")
    classes, channels = found.shape("head.weight", 2)[0], found.shape("stem.weight", 4)[1]
    mean, std = found.normalisation()
    if mean is None:
        usual = "cifar100" if classes == 100 else "cifar10"
        usual = usual if isinstance(model, zoo.WideResNet) else "none"
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
    return module, {"format": naming.house, "assumed": assumed}


def _values(name: str, channels: int) -> tuple:
    if name not in zoo.NORMALISATIONS:
        known = ", ".join(zoo.NORMALISATIONS)
        raise DataError(f"normalisation: found {name!r}; expected one of {known}")
    mean, std = zoo.NORMALISATIONS[name]
    return (mean[:1] * channels, std[:1] * channels) if name == "none" else (mean, std)


def _house(path, tensors: Mapping) -> tuple[Naming, str]:
    """Whose names these are, and what stands before each of them."""
    for naming in (DEEPMIND, CIFAR_RESNET):
        head = naming.name("head.weight")
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
                return naming, prefix
    first = next(iter(tensors), "nothing")
    raise DataError(
        f"{path}: no network known here (it starts with {first}); expected ours, a "
        "WideResNet of the study or RobustBench, or a ResNet-18"
    )


@dataclass(frozen=True)
class _Found:
    """Reading off what network the tensors of a file are of."""

    path: object
    tensors: Mapping[str, Tensor]
    naming: Naming
    prefix: str

    def shape(self, ours: str, dimensions: int) -> tuple[int, ...]:
        key = self.prefix + self.naming.name(ours)
        if key not in self.tensors:
            raise DataError(f"{self.path}: {key}: not there")
        shape = tuple(self.tensors[key].shape)
        if len(shape) != dimensions:
            raise DataError(
                f"{self.path}: {key}: found shape {shape}; expected {dimensions} dimensions"
            )
        return shape

    def model(self) -> zoo.Model:
        if self.naming is CIFAR_RESNET:
            return zoo.ResNet18()
        first = self.shape("groups.0.0.conv1.weight", 4)
        blocks = 1
        while self.prefix + self.naming.name(f"groups.0.{blocks}.conv1.weight") in self.tensors:
            blocks += 1
        if first[0] < 16 or first[0] % 16:
            key = self.prefix + self.naming.name("groups.0.0.conv1.weight")
            raise DataError(
                f"{self.path}: {key}: found shape {first}; expected a multiple of 16 first"
            )
        return zoo.WideResNet(6 * blocks + 4, first[0] // 16)

    def normalisation(self) -> tuple:
        """Mean and deviation of the channels; None twice where the file has none."""
        given = [self.tensors.get(self.prefix + key) for key in ("mean", "std")]
        if given == [None, None]:
            return None, None
        for key, value in zip(("mean", "std"), given, strict=True):
            if value is None or not value.is_floating_point():
                found = "nothing" if value is None else value.dtype
                raise DataError(f"{self.path}: {self.prefix}{key}: found {found}; expected numbers")
        return tuple(decimals(value) for value in given)


def fill(path, module: Classifier, tensors: Mapping, names: Mapping[str, str]) -> None:
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
