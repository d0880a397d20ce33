"""How exactly convolutions and matrix products are computed.

    fp32  float32, without TF32 on GPUs
    tf32  GPUs may round factors to TF32: 10 bits of mantissa
    bf16  autocast to bfloat16: 7 bits; what needs more stays float32

Attacks and evaluations are fp32 unless they say otherwise: outcomes shall not depend on the device
more than they must.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

PRECISIONS = ("fp32", "tf32", "bf16")
ROUNDED = {"tf32": "TF32", "bf16": "bfloat16"}  # what torch rounds factors to, by its own words


def allow_tf32(allowed: bool) -> None:
    """Whether a GPU may round the factors of float32 products to TF32, from now on.

    Not allowed, no device rounds them to anything, whatever other code asked for before.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    for operation in () if allowed else _operations().values():
        # the switches above do not reach CPUs, nor what was set for all backends together
        if operation.fp32_precision in ROUNDED:
            operation.fp32_precision = "ieee"


def coarse_products(device: str | None = None, kind: str | None = None) -> set[str]:
    """What factors of float32 products may be rounded to by now, of ROUNDED; most often nothing.

    device: its type, "cpu" or "cuda"; kind: of product, "matmul", "conv" or "rnn"; by default all.
    """
    return {
        ROUNDED[operation.fp32_precision]
        for of, operation in _operations().items()
        if of[0] == (device or of[0]) and of[1] == (kind or of[1])
        if operation.fp32_precision in ROUNDED
    }


def _operations() -> dict[tuple[str, str], Any]:
    """What torch keeps a precision of float32 factors for: by device and kind of product."""
    import torch

    cudnn: Any = torch.backends.cudnn  # whose stubs lack the operations
    onednn: Any = torch.backends.mkldnn
    return {
        ("cuda", "matmul"): torch.backends.cuda.matmul,
        ("cuda", "conv"): cudnn.conv,
        ("cuda", "rnn"): cudnn.rnn,
        ("cpu", "matmul"): onednn.matmul,
        ("cpu", "conv"): onednn.conv,
        ("cpu", "rnn"): onednn.rnn,
    }


def autocast(precision: str, device: str) -> contextlib.AbstractContextManager:
    """Where PyTorch casts to bfloat16 what may be, if that is the precision.

    device: its type, "cpu" or "cuda".
    """
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")


@contextlib.contextmanager
def computing(precision: str, device: str) -> Iterator[None]:
    """Compute in a precision, one of PRECISIONS; afterwards as before.  device: as in autocast."""
    import torch

    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    allow_tf32(precision == "tf32")
    try:
        with autocast(precision, device):
            yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
