"""The device that a process computes on."""

import os

import torch

from advlib.errors import CannotError, DataError

LOCAL_RANK = "LOCAL_RANK"  # torchrun's number of a process on its machine
LOCAL_RANKS = "LOCAL_WORLD_SIZE"  # and how many it started there


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name, which becomes torch's current one if it is a GPU.

    name: "cpu", "cuda" or "cuda:1"; None for a GPU where there is one.  "cuda" is a GPU of its own
    for each process that torchrun started on the machine.
    Raises CannotError where a GPU is asked for and there is none, and for any other name; DataError
    where several processes would share one GPU.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name and name.startswith("cuda") and not count:
        raise CannotError(f"device {name}: no GPU is here; leave --device out, or say cpu")
    if name in (None, "cuda"):
        name = f"cuda:{_own(count)}" if count else "cpu"
    elif name.startswith("cuda:") and (ranks := int(os.environ.get(LOCAL_RANKS, 1))) > 1:
        raise DataError(f"device {name}: {ranks} ranks cannot share it; cuda is one for each")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise CannotError(f"device {name!r}: expected cpu, cuda or cuda:1") from None
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
