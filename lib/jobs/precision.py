"""How exactly convolutions and matrix products are computed.

    fp32  float32, without TF32 on GPUs
    tf32  GPUs may round factors to TF32: 10 bits of mantissa
    bf16  autocast to bfloat16: 7 bits; what needs more stays float32

Attacks and evaluations are fp32 unless they say otherwise: outcomes shall not depend on the device
more than they must.
"""

import contextlib
from collections.abc import Iterator

PRECISIONS = ("fp32", "tf32", "bf16")


def allow_tf32(allowed: bool) -> None:
    """Whether a GPU may round the factors of float32 products to TF32, from now on."""
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


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
