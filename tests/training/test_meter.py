"""A row of the log is a mean over the images since the row before it."""

import pytest
import torch
from small_networks import ALONE

from advlib.training.meter import StepMeter
from advlib.training.step import Outcome


def outcome(loss: float, clean: int, robust: int) -> Outcome:
    return Outcome(torch.tensor(loss), torch.tensor(clean), torch.tensor(robust))


def test_a_row_is_of_the_steps_since_the_last_one_also_after_a_stop():
    meter = StepMeter(ALONE, 100, "fp32")
    meter.add(outcome(9.0, 0, 0), 8)
    meter.row(1, 8, 0.1)
    meter.add(outcome(1.0, 6, 2), 8)
    other = StepMeter(ALONE, 100, "fp32")
    other.restore(meter.totals(), meter.reported)
    other.add(outcome(2.0, 8, 4), 8)
    row = other.row(3, 8, 0.2)
    assert (row["loss"], row["clean_accuracy"], row["accuracy"]) == (1.5, 14 / 16, 6 / 16)
    assert (row["lr"], row["utilisation"], other.reported) == (0.2, None, 3)
    assert other.totals() == [0, 0, 0]


def test_the_share_of_the_peak_is_of_all_ranks(monkeypatch):
    monkeypatch.setattr("advlib.training.meter.device_name", lambda device: "NVIDIA H200")
    meter = StepMeter(ALONE, 10**12, "bf16")
    meter.add(outcome(1.0, 1, 1), 8)
    row = meter.row(1, 8, 0.1)
    assert row["utilisation"] == pytest.approx(row["images_per_second"] * 1e12 / 989.4e12)
