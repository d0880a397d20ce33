"""Generators in files: ours, safetensors with JSON, and the official ones; advgenerator(5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advlib.errors import DataError
from advlib.generators.noise import Noise
from advlib.generators.official_checkpoints import read_official
from advlib.generators.preconditioning import EARLIEST, Denoiser
from advlib.generators.spec import NetworkSpec
from advlib.jobs.tensorfile import load_tensors, save_tensors

FORMAT, VERSION = "advgenerator", 1


@dataclass
class Generator:
    """A denoiser, and the noise that it knows.

    description: of the file, as JSON: `kind`, `network`, `dimensions` (PFGM++'s D), and what else
    its maker said, as `history`.
    """

    denoiser: Denoiser
    noise: Noise
    description: dict[str, Any]

    @property
    def spec(self) -> NetworkSpec:
        """The network: shape and classes of images are there."""
        return self.denoiser.spec


def describe(denoiser: Denoiser, noise: Noise) -> dict[str, Any]:
    """What a generator is, as JSON."""
    return {
        "kind": denoiser.kind,
        "name": denoiser.spec.name,
        "network": denoiser.spec.document(),
        "dimensions": noise.dimensions,
        "parameters": sum(p.numel() for p in denoiser.parameters()),
    }


def save(
    path: str | Path, denoiser: Denoiser, noise: Noise, about: Mapping[str, Any] | None = None
) -> None:
    """Write a generator, whole or not at all.  about: JSON to be kept with it.

    Raises OSError where it cannot be written.
    """
    document = {"format": FORMAT, "version": VERSION, **(about or {}), **describe(denoiser, noise)}
    save_tensors(path, denoiser.state_dict(), FORMAT, document)


def load(path: str | Path, dimensions: int | None = None) -> Generator:
    """The generator in a file, float32 on the CPU in evaluation mode.

    dimensions: PFGM++'s D, of an official file of tensors alone, which does not say it.
    Raises DataError, one line, for a file that is none or damaged, or says another D; nothing in it
    is run.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise DataError(f"{path}: no such file; expected a generator") from None
    if start[8:] == b"{":
        tensors, document = load_tensors(path, FORMAT)
        spec, kind, own = _described(path, document or {})
        about = dict(document or {})
    else:
        tensors, spec, kind, own = read_official(path)
        about = {"format": "official"}
        if own is None and kind == "edm" and dimensions is not None:
            own, kind = dimensions, "pfgmpp"
    if dimensions is not None and dimensions != own:
        raise DataError(f"{path}: dimensions: found {own or 'none'}; expected {dimensions}")
    denoiser = filled(path, lambda: Denoiser(spec, kind), tensors, spec.name)
    assert isinstance(denoiser, Denoiser)
    noise = Noise(own)
    return Generator(denoiser, noise, about | describe(denoiser, noise))


def _described(path: Path, document: Mapping[str, Any]) -> tuple[NetworkSpec, str, int | None]:
    found = document.get("format"), document.get("version")
    if found != (FORMAT, VERSION):
        raise DataError(
            f"{path}: of format {found[0]}, version {found[1]}; expected {FORMAT}, {VERSION}"
        )
    kind, dimensions = document.get("kind"), document.get("dimensions")
    if kind not in EARLIEST:
        raise DataError(f"{path}: kind: found {kind!r:.40}; expected {', '.join(EARLIEST)}")
    known = dimensions is None or (type(dimensions) is int and dimensions > 2)
    if not known or (kind == "pfgmpp") != (dimensions is not None):
        raise DataError(f"{path}: dimensions: found {dimensions!r:.40} with kind {kind}")
    try:
        spec = NetworkSpec.of(document.get("network") or {})
    except DataError as err:
        raise DataError(f"{path}: {err}") from None
    names, history = document.get("class_names"), document.get("history", [])
    if names is not None and not _of(names, str):
        raise DataError(f"{path}: class_names: found {names!r:.40}; expected a list of texts")
    if not _of(history, dict):
        raise DataError(f"{path}: history: found {history!r:.40}; expected a list of objects")
    return spec, kind, dimensions


def _of(value: Any, kind: type) -> bool:
    """Whether a value of JSON is a list of such items."""
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def filled(
    path: Path, make: Callable[[], nn.Module], tensors: Mapping[str, Tensor], expected: str
) -> nn.Module:
    """What `make` makes with these tensors, float32 on the CPU, in evaluation mode and frozen.

    Raises DataError unless they are all that it has, finite.  expected: what it is, for messages.
    """
    with torch.device("meta"):
        made = make()
    wanted = made.state_dict()
    for name in dict.fromkeys([*wanted, *tensors]):
        if name not in tensors or name not in wanted:
            where = "missing" if name not in tensors else "not of this network"
            raise DataError(f"{path}: {name}: {where}; expected {expected}")
        found, shape = tensors[name], tuple(wanted[name].shape)
        if tuple(found.shape) != shape or not found.is_floating_point():
            raise DataError(
                f"{path}: {name}: {found.dtype} of {tuple(found.shape)}; expected floats of {shape}"
            )
        if not found.isfinite().all():
            raise DataError(f"{path}: {name}: holds NaN or infinities; expected finite weights")
    kept = {name: tensors[name].to(torch.float32) for name in wanted}
    made.load_state_dict(kept, assign=True)
    return made.eval().requires_grad_(False)
