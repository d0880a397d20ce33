"""What the steps since the last row of a log came to: loss, accuracies, speed."""

import time
from typing import Any

import torch

from advlib.jobs.devices import device_name
from advlib.jobs.ranks import Ranks
from advlib.training.rules import peak_flops
from advlib.training.step import Outcome


class StepMeter:
    """Sums over the steps since the last row, on the device, so that nothing waits for them."""

    def __init__(self, ranks: Ranks, flops: int, precision: str):
        """Begin at step 0.  flops: of training on an image."""
        self.ranks, self.flops = ranks, flops
        peak = peak_flops(device_name(ranks.device), precision)
        self.peak = peak and peak * ranks.ranks  # FLOP/s, None where it is not known
        self.reported = 0  # the step of the last row
        # of this rank: the loss of all images, how many are right clean, and attacked
        self.sums = torch.zeros(3, dtype=torch.float64, device=ranks.device)
        self._since = time.monotonic()

    def start_clock(self) -> None:
        """Measure speed from now on."""
        self._since = time.monotonic()

    def leave_out(self, seconds: float) -> None:
        """Take time off that something else than training took."""
        self._since += seconds

    def add(self, found: Outcome, batch: int) -> None:
        """Add a step on this rank's part of `batch` images."""
        self.sums += torch.stack(
            [found.loss.detach().double() * batch, found.clean.double(), found.robust.double()]
        )

    def totals(self) -> list[float]:
        """The sums over all ranks."""
        return self.ranks.sum(self.sums.clone()).tolist()

    def restore(self, totals: list[float], reported: int) -> None:
        """Go on from sums that `totals` gave; the first rank takes all of them."""
        self.reported = reported
        self.sums.zero_()
        if self.ranks.first:
            self.sums += torch.tensor(totals, dtype=torch.float64).to(self.sums)

    def row(self, step: int, batch: int, rate: float) -> dict[str, Any]:
        """Means over the images since the last row, learning rate, speed; sums begin anew.

        The loss is not finite where one of the steps' was not.
        """
        totals = self.totals()
        self.sums.zero_()
        count = (step - self.reported) * batch
        now = time.monotonic()
        speed = count / max(now - self._since, 1e-9)
        self.reported, self._since = step, now
        return {
            "loss": totals[0] / count,
            "clean_accuracy": totals[1] / count,
            "accuracy": totals[2] / count,
            "lr": rate,
            "images_per_second": speed,
            "utilisation": speed * self.flops / self.peak if self.peak else None,
        }
