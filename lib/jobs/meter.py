"""What the steps since the last row of a log came to: means over their images, and speed."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from advlib.jobs.devices import device_name
from advlib.jobs.peaks import peak_flops
from advlib.jobs.ranks import Ranks


class StepMeter:
    """Sums over the steps since the last row, on the device, so that nothing waits for them."""

    def __init__(self, ranks: Ranks, names: Sequence[str], flops: int, precision: str):
        """Begin at step 0.  names: of what is summed up.  flops: of training on an image."""
        self.ranks, self.names, self.flops = ranks, names, flops
        peak = peak_flops(device_name(ranks.device), precision)
        self.peak = peak and peak * ranks.ranks  # FLOP/s, None where it is not known
        self.reported = 0  # the step of the last row
        self.sums = torch.zeros(len(names), dtype=torch.float64, device=ranks.device)  # this rank's
        self._since = time.monotonic()

    def start_clock(self) -> None:
        """Measure speed from now on."""
        self._since = time.monotonic()

    def leave_out(self, seconds: float) -> None:
        """Take time off that something else than training took."""
        self._since += seconds

    def add(self, *sums: Tensor) -> None:
        """Add a step: of each name the sum over this rank's images, a scalar."""
        self.sums += torch.stack([value.detach().double() for value in sums])

    def totals(self) -> list[float]:
        """The sums over all ranks."""
        return self.ranks.sum(self.sums.clone()).tolist()

    def restore(self, totals: list[float], reported: int) -> None:
        """Go on from sums that `totals` gave; the first rank takes all of them."""
        self.reported = reported
        self.sums.zero_()
        if self.ranks.first:
            self.sums += torch.tensor(totals, dtype=torch.float64).to(self.sums)

    def row(self, step: int, batch: int, **also: Any) -> dict[str, Any]:
        """Means over the images since the last row, `also`, and speed; sums begin anew.

        A mean is not finite where what one of the steps added was not.
        """
        totals = self.totals()
        self.sums.zero_()
        count = (step - self.reported) * batch
        now = time.monotonic()
        speed = count / max(now - self._since, 1e-9)
        self.reported, self._since = step, now
        return {
            **{name: total / count for name, total in zip(self.names, totals, strict=True)},
            **also,
            "images_per_second": speed,
            "utilisation": speed * self.flops / self.peak if self.peak else None,
        }
