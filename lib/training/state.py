"""What a stopped run goes on from, in one safetensors file: weights, averages, momenta, counts."""

import json
import os
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from advlib.errors import DataError
from advlib.files import atomic_write

FORMAT, VERSION = "advstate", 1


def save_state(path: str, networks: Mapping[str, nn.Module], optimiser, facts: dict) -> None:
    """Write the networks by name, the optimiser's momenta and `facts` (JSON), all or nothing.

    Raises OSError where the file cannot be written.
    """
    from safetensors.torch import save

    tensors = {}
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            tensors[f"{name}.{key}"] = _plain(value)
    for i, parameter in enumerate(_parameters(optimiser)):
        momentum = optimiser.state[parameter].get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{i}"] = _plain(momentum)
    metadata = {FORMAT: json.dumps({"version": VERSION, **facts}, allow_nan=False)}
    with atomic_write(path) as file:
        file.write(save(tensors, metadata))


def load_state(path: str, networks: Mapping[str, nn.Module], optimiser, job: dict) -> dict | None:
    """Put back what `save_state` wrote, and return its facts; None where there is no file.

    job: what the facts must say under that name.
    Raises DataError for a file that is damaged, or of another run.
    """
    from safetensors import SafetensorError, safe_open

    if not os.path.exists(path):
        return None
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get(FORMAT, "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as err:
        raise DataError(f"{path}: damaged or cut short: {err}; remove it to begin anew") from None
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        raise DataError(f"{path}: not the state of a training run; expected one, or no file")
    _same_job(path, facts["job"], json.loads(json.dumps(job)))
    for name, network in networks.items():
        prefix = f"{name}."
        mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            network.load_state_dict(mine)
        except RuntimeError as err:
            raise DataError(f"{path}: {err}") from None
    for i, parameter in enumerate(_parameters(optimiser)):
        if f"momentum.{i}" in tensors:
            momentum = tensors[f"momentum.{i}"].to(parameter.device)
            layout = torch.preserve_format
            optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(
                parameter, memory_format=layout
            ).copy_(momentum)
    return facts


def _same_job(path: str, found: dict, wanted: dict) -> None:
    mine, its = _flat(wanted), _flat(found)
    for key in sorted({*mine, *its}):
        if its.get(key) != mine.get(key):
            raise DataError(
                f"{path}: of another run, with {key} {its.get(key)}; this one has {mine.get(key)}:"
                " take another folder"
            )


def _flat(job: dict) -> dict:
    """The settings of a job without the groups that they are in."""
    out = {}
    for key, value in job.items():
        out |= _flat(value) if isinstance(value, dict) else {key: value}
    return out


def _parameters(optimiser) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)
