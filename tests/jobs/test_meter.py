"""A row of the log is a mean over the images since the row before it."""

import pytest
import torch
from small_networks import ALONE

from advlib.jobs.meter import StepMeter

NAMES = ("loss", "clean_accuracy", "accuracy")


def sums(*values: float) -> list[torch.Tensor]:
    return [torch.tensor(value) for value in values]


def test_a_row_is_of_the_steps_since_the_last_one_also_after_a_stop():
    meter = StepMeter(ALONE, NAMES, 100, "fp32")
    meter.add(*sums(72.0, 0, 0))
    meter.row(1, 8, lr=0.1)
    meter.add(*sums(8.0, 6, 2))
    other = StepMeter(ALONE, NAMES, 100, "fp32")
    other.restore(meter.totals(), meter.reported)
    other.add(*sums(16.0, 8, 4))
    row = other.row(3, 8, lr=0.2)
    assert (row["loss"], row["clean_accuracy"], row["accuracy"]) == (1.5, 14 / 16, 6 / 16)
    assert (row["lr"], row["utilisation"], other.reported) == (0.2, None, 3)
    assert other.totals() == [0, 0, 0]


def test_the_share_of_the_peak_is_of_all_ranks(monkeypatch):
    monkeypatch.setattr("advlib.jobs.meter.device_name", lambda device: "NVIDIA H200")
    meter = StepMeter(ALONE, NAMES, 10**12, "bf16")
    meter.add(*sums(8.0, 1, 1))
    row = meter.row(1, 8, lr=0.1)
    assert row["utilisation"] == pytest.approx(row["images_per_second"] * 1e12 / 989.4e12)
