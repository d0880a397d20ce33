"""The device that a process computes on, and how exactly it computes there."""

import os

import torch

from advlib.errors import CannotError

LOCAL_RANK = "LOCAL_RANK"  # torchrun's number of a process on its machine


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name, which becomes torch's current one if it is a GPU.

    name: "cpu", "cuda" or "cuda:1"; None for a GPU where there is one.  "cuda" is a GPU of its own
    for each process that torchrun started on the machine, as far as there are enough.
    Raises CannotError where a GPU is asked for and there is none, and for any other name.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name and name.startswith("cuda") and not count:
        raise CannotError(f"device {name}: no GPU is here; leave --device out, or say cpu")
    if name in (None, "cuda"):
        name = f"cuda:{int(os.environ.get(LOCAL_RANK, 0)) % count}" if count else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise CannotError(f"device {name!r}: expected cpu, cuda or cuda:1") from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def allow_tf32(allowed: bool) -> None:
    """Whether a GPU may round the factors of float32 products to TF32.

    Attacks and evaluations do without: outcomes shall not depend on the device more than they must.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def device_name(device: torch.device) -> str:
    """What a device is called: the maker's name of a GPU, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
