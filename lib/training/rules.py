"""Rules of thumb in numbers: the paper's for the length of a run, the makers' for their chips."""


def batch_size(samples: float) -> int:
    """Images per step: 1024 for runs of up to 10M samples, else 2048 (Sec. 3.1, App. D)."""
    return 1024 if samples <= 10_035_200 else 2048  # a run planned for 10M sees 10.0352M


def peak_learning_rate(samples: float) -> float:
    """Peak of the one-cycle schedule: 0.3 up to 10M samples, 0.2 up to 200M, 0.1 for longer runs.

    The paper leaves 200M to 300M open; 0.1 is taken there.
    """
    if samples <= 10_035_200:
        return 0.3
    return 0.2 if samples <= 200e6 else 0.1


# Dense peaks of one GPU in FLOP/s by precision, from NVIDIA's data sheets (SXM parts)
PEAKS = {
    "V100": {"fp32": 15.7e12},
    "A100": {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12},
    "H100": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12},
    "H200": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12},
}


def peak_flops(device: str, precision: str) -> float | None:
    """FLOP/s that a device, by its name, can reach at most; None where that is not known."""
    for name, peaks in PEAKS.items():
        if name in device:
            return peaks.get(precision)
    return None
