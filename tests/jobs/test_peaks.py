"""Peaks of GPUs by the names that PyTorch gives them."""

import pytest

from advlib.jobs.peaks import peak_flops

# name, FLOP/s in TF32 and in bf16, dense, from the makers' data sheets
GPUS = [
    ("NVIDIA A100-SXM4-80GB", 156e12, 312e12),
    ("NVIDIA A100-PCIE-40GB", 156e12, 312e12),
    ("NVIDIA A100 80GB PCIe", 156e12, 312e12),
    ("NVIDIA H100 80GB HBM3", 494.7e12, 989.4e12),
    ("NVIDIA H100 PCIe", 378e12, 756e12),
    ("NVIDIA H100 NVL", 417.5e12, 835.5e12),
    ("NVIDIA H200", 494.7e12, 989.4e12),
    ("NVIDIA H200 NVL", 417.5e12, 835.5e12),
    ("NVIDIA GH200 480GB", 494.7e12, 989.4e12),
    ("NVIDIA GH200 144G HBM3e", 494.7e12, 989.4e12),
    ("NVIDIA B200", 1.1e15, 2.25e15),
    ("Tesla V100-SXM2-32GB", None, None),
    ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", None, None),
    ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", None, None),
    ("NVIDIA GB200", None, None),
    ("NVIDIA H20", None, None),
    ("cpu", None, None),
]


@pytest.mark.parametrize(("name", "tf32", "bf16"), GPUS)
def test_a_peak_is_that_of_the_very_part_or_unknown(name, tf32, bf16):
    assert (peak_flops(name, "tf32"), peak_flops(name, "bf16")) == (tf32, bf16)


def test_parts_of_one_generation_differ():
    assert peak_flops("Tesla V100-SXM2-16GB", "fp32") == 15.7e12
    assert peak_flops("Tesla V100-PCIE-16GB", "fp32") == 14e12
    assert peak_flops("NVIDIA H100 PCIe", "fp32") < peak_flops("NVIDIA H100 80GB HBM3", "fp32")
