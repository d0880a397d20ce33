"""The device that a process computes on."""

import os
import re

import torch

from advlib.errors import CannotError, DataError

NAME = re.compile("cpu|cuda(?::([0-9]{1,3}))?")
LOCAL_RANK = "LOCAL_RANK"  # torchrun's number of a process on its machine
LOCAL_RANKS = "LOCAL_WORLD_SIZE"  # and how many it started there


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name, which becomes torch's current one if it is a GPU.

    name: "cpu", "cuda" or "cuda:1"; None for a GPU where there is one.  "cuda" is a GPU of its own
    for each process that torchrun started on the machine.
    Raises CannotError where a GPU is asked for and there is none; DataError for any other name, for
    a GPU that is not there, and where several processes would share one.
    """
    named = NAME.fullmatch("cpu" if name is None else name)
    if not named:
        raise DataError(f"device {name!r}: expected cpu, cuda or cuda:1")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name and name.startswith("cuda") and not count:
        raise CannotError(f"device {name}: no GPU is here; leave --device out, or say cpu")
    if name in (None, "cuda"):
        name = f"cuda:{_own(count)}" if count else "cpu"
    elif name.startswith("cuda:") and (ranks := int(os.environ.get(LOCAL_RANKS, 1))) > 1:
        raise DataError(f"device {name}: {ranks} ranks cannot share it; cuda is one for each")
    elif named[1] and int(named[1]) >= count:
        raise DataError(f"device {name}: the GPUs here are cuda:0 to cuda:{count - 1}")
    device = torch.device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _own(count: int) -> int:
    """The number of this process's GPU, of so many."""
    ranks = int(os.environ.get(LOCAL_RANKS, 1))
    if ranks > count:
        raise DataError(
            f"{ranks} ranks on this machine and {count} GPUs: start a rank for each, or say"
            " --device cpu"
        )
    return int(os.environ.get(LOCAL_RANK, 0))


def device_name(device: torch.device) -> str:
    """What a device is called: the maker's name of a GPU, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
