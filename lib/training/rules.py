"""The paper's rules of thumb for the length of a run."""


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
