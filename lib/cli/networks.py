"""Options that name a network, and the network they name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from advlib.cli.options import option
from advlib.cli.output import history_entry, note
from advlib.models.zoo import NORMALISATIONS
from advlib.settings import Conditions

if TYPE_CHECKING:
    import torch

    from advlib.jobs.ranks import Ranks
    from advlib.models.callables import Adapted
    from advlib.models.network import Classifier
    from advlib.shards.reader import ShardSet
    from advlib.shards.stream import ShardStream

    Images = ShardSet | ShardStream


def network_options(command: Any = None, *, applies: Conditions = ()) -> Any:
    """`--model`, `--normalisation`, `--current` and `--device`; bare, or with conditions."""
    options = [
        option(
            "--model",
            metavar="MODEL",
            applies=applies,
            help="What the checkpoint holds, as wrn-28-10-relu.",
        ),
        option(
            "--normalisation",
            type=click.Choice(list(NORMALISATIONS)),
            applies=applies,
            help="Of a checkpoint of others that does not say it. [default: by its classes]",
        ),
        option(
            "--current", is_flag=True, applies=applies, help="The weights that are not averaged."
        ),
        option(
            "--device",
            metavar="DEVICE",
            applies=applies,
            help="cpu, cuda or cuda:1. [default: a GPU, if any]",
        ),
    ]

    def decorate(command: Any) -> Any:
        for each in reversed(options):
            command = each(command)
        return command

    return decorate if command is None else decorate(command)


def pixel_values_option(command: Any = None, *, applies: Conditions = ()) -> Any:
    """`--pixels`: the values that a network of Python code takes; bare, or with conditions."""
    decorate = option(
        "--pixels",
        type=click.Choice(["unit", "signed", "bytes"]),
        applies=applies,
        help="Values that a module:name takes: [0, 1], [-1, 1], [0, 255]. [default: unit]",
    )
    return decorate if command is None else decorate(command)


def open_checkpoint(
    path: str, source: "Images", device: "torch.device", options: Mapping[str, Any]
) -> "tuple[Classifier, dict[str, Any]]":
    """The network of a file, on the device, and its description.

    source: the set whose images it is for, which say their size where the file does not.
    options: model, normalisation and current.
    """
    import torch

    from advlib.jobs.precision import allow_tf32
    from advlib.models import checkpoints
    from advlib.models.network import laid_out

    allow_tf32(False)
    model, description = checkpoints.load(path, **options)
    height, width, _ = source.shape
    if "image_size" in description.get("assumed", ()) and height == width != model.image_size:
        model, description = checkpoints.load(path, image_size=height, **options)
    _say_assumed(path, description)
    return laid_out(model.to(device), torch.channels_last), description


def _say_assumed(path: str, description: Mapping[str, Any]) -> None:
    """Say what neither file nor options told of a network."""
    untold = set(description.get("assumed", ())) - {"image_size"}  # which the images have told
    if assumed := [f"{name} {description[name]}" for name in sorted(untold)]:
        note(
            f"{path}: does not say its {', '.join(assumed)}: these are assumed; see --model and"
            " --normalisation"
        )


def open_network(
    spec: str,
    source: "Images",
    device: "torch.device",
    pixels: str | None,
    options: Mapping[str, Any],
    *,
    attacked: bool = True,
) -> "tuple[Classifier | Adapted, dict[str, Any], int]":
    """A checkpoint's network, or that of Python code named as `module:name`.

    Returns it, its description, and how many classes it has.  pixels: the values that a network
    of Python code takes.  attacked: whether it must have a gradient by the images.
    """
    import os

    from advlib.evaluation.outcomes import check_images
    from advlib.jobs.precision import allow_tf32, coarse_products
    from advlib.models import callables, imported

    if os.path.exists(spec) or not imported.SPEC.fullmatch(spec):
        if pixels:
            raise click.UsageError(f"--pixels is for a network named module:name; {spec} is a file")
        model, description = open_checkpoint(spec, source, device, options)
        check_images(source, model)
        return model, description, model.classes
    if given := [f"--{name}" for name in ("model", "current") if options[name]]:
        raise click.UsageError(f"{', '.join(given)}: for checkpoints; {spec} is Python code")
    allow_tf32(False)
    adapted, description = callables.load_callable(
        spec, normalisation=options["normalisation"], pixels=pixels or "unit", device=device
    )
    switched = coarse_products()
    allow_tf32(False)
    description["rounding_left_on"] = sorted(switched)
    if switched:
        kinds = " and ".join(sorted(switched))
        note(f"{spec}: its import switched {kinds} on; off again, products are of float32")
    asked = "attacked" if attacked else "asked"
    if description["training_mode_left_on"]:
        note(f"{spec}: was in training mode; it is {asked} in evaluation mode")
    height, width, channels = source.shape
    classes = callables.probe(adapted, (channels, height, width), device, gradient=attacked)
    if any(
        part.training
        for module in imported.modules_of(adapted.network)
        for part in module.modules()
    ):
        note(f"{spec}: puts itself into training mode when it is asked, and is {asked} in it")
    return adapted, description, classes


def network_identity(
    spec: str, description: Mapping[str, Any], model: "Classifier | Adapted"
) -> dict[str, Any]:
    """What tells a network from others: its description, and hashes of its file, or of its code
    and the weights that are seen in it.
    """
    import os
    import sys

    from advlib.jobs.files import file_sha256
    from advlib.models import callables

    known = {key: value for key, value in description.items() if key != "history"}
    code = sys.modules.get(spec.partition(":")[0])
    path = spec if os.path.exists(spec) else getattr(code, "__file__", None)
    if isinstance(model, callables.Adapted):
        known["weights_sha256"] = callables.weights_sha256(model)
    return {"sha256": file_sha256(path), **known} if path else known


def history_with(description: Mapping[str, Any], source: "Images") -> list[dict]:
    """The command lines behind a network and a set, each once, and the one now running."""
    known = [*(description.get("history") or ()), *source.history, history_entry()]
    return [entry for i, entry in enumerate(known) if entry not in known[:i]]


def device_name(ranks: "Ranks") -> str:
    """What was computed on, as "4 x NVIDIA H100"."""
    from advlib.jobs import devices

    name = devices.device_name(ranks.device)
    return name if ranks.ranks == 1 else f"{ranks.ranks} x {name}"


def versions(*packages: str) -> dict[str, str]:
    """Versions of advtools, Python and installed packages."""
    import platform

    return {**job_versions(*packages), "python": platform.python_version()}


def job_versions(*packages: str) -> dict[str, str]:
    """Those of them that decide numbers, which a job does not mix."""
    import importlib.metadata

    from advlib import __version__

    return {"advtools": __version__, **{p: importlib.metadata.version(p) for p in packages}}
