"""A precision holds where it is asked for, and not beyond."""

import subprocess
import sys

import pytest
import torch

from advlib.jobs.precision import PRECISIONS, allow_tf32, coarse_products, computing


def tf32():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def test_tf32_is_allowed_for_convolutions_and_products_together():
    for allowed in (True, False):
        allow_tf32(allowed)
        assert tf32() == (allowed, allowed)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_products_are_of_the_precision_and_afterwards_as_before(precision, outside):
    factor = torch.full((2, 2), 1 + 2**-9)  # which bfloat16, of 8 significant bits, rounds to 1
    allow_tf32(outside)
    with pytest.raises(ZeroDivisionError), computing(precision, "cpu"):
        assert tf32() == (precision == "tf32",) * 2
        product = factor @ factor
        assert product.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        exact = 2 * (1 + 2**-9) ** 2
        assert (product[0, 0].item() == 2.0) == (precision == "bf16")
        assert product[0, 0].item() == pytest.approx(exact, rel=1e-2)
        raise ZeroDivisionError
    assert tf32() == (outside, outside) and (factor @ factor).dtype == torch.float32
    allow_tf32(False)


SWITCHES = {
    "torch.backends.cudnn.allow_tf32": True,
    "torch.backends.cuda.matmul.allow_tf32": True,
    "torch.backends.cudnn.fp32_precision": "tf32",
    "torch.backends.cuda.matmul.fp32_precision": "tf32",
    "torch.backends.mkldnn.matmul.fp32_precision": "bf16",
    "torch.backends.mkldnn.conv.fp32_precision": "bf16",
    "torch.backends.fp32_precision": "tf32",
}
ONE_BY_ONE = """
import torch
from advlib.jobs.precision import allow_tf32, coarse_products
allow_tf32(False)
assert not coarse_products()
for switch in {switches!r}:
    exec(switch)
    assert coarse_products(), switch
    allow_tf32(False)
    assert not coarse_products(), switch
"""


def test_every_switch_of_torch_is_seen_and_put_back():
    switches = [f"{name} = {value!r}" for name, value in SWITCHES.items()]
    switches.append("torch.set_float32_matmul_precision('medium')")
    # torch refuses some of them once others were set: a process of its own
    code = ONE_BY_ONE.format(switches=switches)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_products_are_told_apart_by_device_and_kind():
    torch.backends.mkldnn.conv.fp32_precision = "bf16"
    try:
        assert coarse_products("cpu", "conv") == {"bfloat16"}
        assert coarse_products("cpu", "matmul") == set()
    finally:
        torch.backends.mkldnn.conv.fp32_precision = "none"
