"""What a stopped run goes on from, in one safetensors file: weights, averages, momenta, counts."""

import json
import os
from collections.abc import Mapping

import torch
from torch import nn

from advlib.errors import DataError
from advlib.jobs.tensorfile import difference, load_tensors, save_tensors

FORMAT, VERSION = "advstate", 1


def save_state(path: str, networks: Mapping[str, nn.Module], optimiser, facts: dict) -> None:
    """Write the networks by name, the optimiser's momenta and `facts` (JSON), all or nothing.

    Raises OSError where the file cannot be written.
    """
    tensors = {}
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            tensors[f"{name}.{key}"] = value
    for i, parameter in enumerate(_parameters(optimiser)):
        momentum = optimiser.state[parameter].get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{i}"] = momentum
    save_tensors(path, tensors, FORMAT, {"version": VERSION, **facts})


def load_state(path: str, networks: Mapping[str, nn.Module], optimiser, job: dict) -> dict | None:
    """Put back what `save_state` wrote, and return its facts; None where there is no file.

    job: what the facts must say under that name.
    Raises DataError for a file that is damaged, or of another run.
    """
    if not os.path.exists(path):
        return None
    tensors, facts = load_tensors(path, FORMAT, "; remove it to begin anew")
    if facts is None or facts.get("version") != VERSION:
        raise DataError(f"{path}: not the state of a training run; expected one, or no file")
    if other := difference(facts["job"], json.loads(json.dumps(job))):
        raise DataError(f"{path}: of another run, {other}: take another folder")
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


def _parameters(optimiser) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
