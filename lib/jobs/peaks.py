"""What chips can compute at most, by their makers' data sheets."""

import re

# Dense peaks of one GPU in FLOP/s by precision, from NVIDIA's data sheets: of the chips as SXM
# modules, and of cards, which run slower
VOLTA = {"fp32": 15.7e12}
VOLTA_CARD = {"fp32": 14e12}
AMPERE = {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12}
HOPPER = {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12}
HOPPER_CARD = {"fp32": 51.2e12, "tf32": 378e12, "bf16": 756e12}
HOPPER_NVL = {"fp32": 60e12, "tf32": 417.5e12, "bf16": 835.5e12}
BLACKWELL = {"fp32": 80e12, "tf32": 1.1e15, "bf16": 2.25e15}

# Names as PyTorch gives them.  A slice of a GPU (MIG) has a longer one, and is none of these.
PEAKS = {
    r"Tesla V100-SXM[23]-\d+GB": VOLTA,
    r"Tesla V100-PCIE-\d+GB": VOLTA_CARD,
    r"NVIDIA A100-(SXM4|PCIE)-\d+GB|NVIDIA A100 80GB PCIe|A100-(SXM4|PCIE)-\d+GB": AMPERE,
    r"NVIDIA H100 80GB HBM3|NVIDIA H200|NVIDIA GH200 \d+GB?( HBM3e)?": HOPPER,
    r"NVIDIA H100 PCIe": HOPPER_CARD,
    r"NVIDIA H[12]00 NVL": HOPPER_NVL,
    r"NVIDIA B200": BLACKWELL,
}


def peak_flops(device: str, precision: str) -> float | None:
    """FLOP/s that a device, by its name, can reach at most; None where that is not known."""
    for name, peaks in PEAKS.items():
        if re.fullmatch(name, device):
            return peaks.get(precision)
    return None
