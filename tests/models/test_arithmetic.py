"""The kinds of numbers that a network computes in are seen on its way, not at its end."""

import pytest
import torch
from torch import nn

from advlib.models.arithmetic import coarse_numbers

torch.manual_seed(0)
INNER = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)).eval()
IMAGES = torch.rand(2, 3, 8, 8)


def autocast(x):
    with torch.autocast("cpu", torch.bfloat16):
        return INNER(x).float()


@pytest.mark.parametrize(
    ("network", "kinds"),
    [
        (INNER, []),
        (lambda x: INNER.double()(x.double()).float(), []),
        (lambda x: INNER.float()(x) + (x > 0.5).sum().int(), []),
        (autocast, ["bfloat16"]),
        (lambda x: INNER(x.half().float()), ["float16"]),
        (lambda x: INNER(x.to(torch.float8_e4m3fn).float().half().float()), ["float16", "float8"]),
        (lambda x: INNER(torch.quantize_per_tensor(x, 0.1, 0, torch.quint8).dequantize()), ["8"]),
    ],
)
def test_coarse_numbers_on_the_way(network, kinds):
    INNER.float()
    found = coarse_numbers(network, IMAGES)
    assert len(found) == len(kinds)
    assert all(kind in name for kind, name in zip(kinds, found, strict=True))


def test_products_that_a_processor_may_round():
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    try:
        assert coarse_numbers(INNER, IMAGES) == ["bfloat16"]
        assert coarse_numbers(INNER[0], IMAGES) == []  # a convolution has a switch of its own
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = "none"


def test_a_network_that_fails_tells_nothing():
    def fails(x):
        raise ValueError

    assert coarse_numbers(fails, IMAGES) == []
