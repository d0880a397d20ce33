"""In which numbers a network computes, seen by watching its operations."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from advlib.jobs.precision import coarse_products

EXACT = torch.finfo(torch.float32).eps
# distance of neighbours about 1 in kinds of numbers coarser than float32
STEPS = {
    **{f"float8 ({kind})": 2.0**-bits for kind, bits in (("e4m3", 3), ("e5m2", 2))},
    "8-bit integers": 2.0**-7,
    "bfloat16": 2.0**-7,
    "float16": 2.0**-10,
    "TF32": 2.0**-10,
}


class _Watch(TorchDispatchMode):
    """Notes what coarse kinds of numbers operations give, or round their factors to."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        for value in found if isinstance(found, (tuple, list)) else (found,):
            if not isinstance(value, Tensor):
                continue
            if kind := _coarse(value.dtype):
                self.seen.add(kind)
            if value.dtype == torch.float32 and (kind := _product(str(func))):
                self.seen |= coarse_products(value.device.type, kind)
        return found


def coarse_numbers(network: Callable[[Tensor], Any], images: Tensor) -> list[str]:
    """The kinds of numbers coarser than float32 that a network uses on its way, of STEPS.

    images: (n, c, h, w), which it is asked about once.  Casts inside autocast are seen, whatever
    comes out at the end; what is not done by torch, or by compiled code, is not.
    """
    watch = _Watch()
    try:
        with torch.no_grad(), watch:
            network(images)
    except Exception:  # of code that cannot be watched: of any kind
        pass
    return sorted(watch.seen)


def _coarse(dtype: torch.dtype) -> str | None:
    """A kind of STEPS; None for numbers as exact as float32, and for those that count."""
    if dtype in (torch.qint8, torch.quint8):
        return "8-bit integers"
    if not dtype.is_floating_point or torch.finfo(dtype).bits >= torch.finfo(torch.float32).bits:
        return None
    name = str(dtype).removeprefix("torch.")
    if name.startswith("float8_"):
        return "float8 (e5m2)" if "e5m2" in name else "float8 (e4m3)"
    return name if name in STEPS else None


def _product(operation: str) -> str | None:
    """Which kind of product an operation of torch is, by its name, as "aten.addmm.default"."""
    name = operation.split(".")[1]
    words = {"mm": "matmul", "convolution": "conv", "rnn": "rnn"}
    return next((kind for word, kind in words.items() if word in name), None)
