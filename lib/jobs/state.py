"""What a stopped job goes on from, in one safetensors file: networks, an optimiser, JSON facts.

Tensors are named NETWORK.NAME for those of a network, and `optimiser.I.KEY` for what the optimiser
keeps under KEY of its parameter number I.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from advlib.documents import difference
from advlib.errors import DataError
from advlib.jobs.tensorfile import load_tensors, save_tensors

FORMAT, VERSION = "advstate", 2
OPTIMISER = re.compile(r"optimiser\.(\d+)\.(.+)")
MOMENTUM = re.compile(r"momentum\.(\d+)()")  # of version 1, which knew no other state than SGD's
READ = {1: MOMENTUM, 2: OPTIMISER}  # names of the optimiser's tensors, by version


def save_state(
    path: str,
    networks: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    facts: Mapping[str, Any],
) -> None:
    """Write the networks by name, the optimiser's tensors and `facts` (JSON), all or nothing.

    facts: with `job`, which says whose state it is.  What an optimiser keeps that is no tensor, as
    a count of steps in some, goes into the JSON.
    Raises OSError where the file cannot be written.
    """
    tensors = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    plain = {}
    for i, parameter in enumerate(_parameters(optimiser)):
        for key, value in optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{i}.{key}"] = value
            elif value is not None:
                plain[f"optimiser.{i}.{key}"] = value
    about = {"version": VERSION, **facts, **({"optimiser": plain} if plain else {})}
    save_tensors(path, tensors, FORMAT, about)


def load_state(
    path: str,
    networks: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    job: Mapping[str, Any],
    of_today: Callable[[dict], Mapping[str, Any]] = lambda job: job,
) -> dict | None:
    """Put back what `save_state` wrote, and return its facts; None where there is no file.

    job: what the facts must say under that name.  of_today: brings what they say into the form that
    `job` has, where an older program wrote them.
    Raises DataError for a file that is damaged, or of another job.
    """
    if not os.path.exists(path):
        return None
    tensors, facts = load_tensors(path, FORMAT, "; remove it to begin anew")
    if facts is None or facts.get("version") not in READ:
        raise DataError(f"{path}: not the state of a job; expected one, or no file")
    if other := difference(of_today(facts["job"]), json.loads(json.dumps(job))):
        raise DataError(f"{path}: of another run, {other}: take another folder")
    for name, network in networks.items():
        prefix = f"{name}."
        mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            network.load_state_dict(mine)
        except RuntimeError as err:
            raise DataError(f"{path}: {err}") from None
    parameters = _parameters(optimiser)
    for name, value in {**tensors, **facts.get("optimiser", {})}.items():
        if found := READ[facts["version"]].fullmatch(name):
            parameter = parameters[int(found[1])]
            optimiser.state[parameter][found[2] or "momentum_buffer"] = _like(parameter, value)
    return facts


def _parameters(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _like(parameter: nn.Parameter, value: Any) -> Any:
    """A tensor of a parameter's shape on its device and laid out as it is; else the value."""
    if not isinstance(value, Tensor) or value.shape != parameter.shape or not value.ndim:
        return value
    return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(value)
