"""Exponential integrators: steps in lam = -ln sigma, exact in x, with polynomials for the network.

The polynomial is of the denoised image (data form) or of the slope (noise form).  With m the newest
value, m' and m'' its derivatives in steps, h the step in lam, z = -h for data and h for noise:

    x_after = carry x + factor(1) m + factor(2) m' + factor(3) m''
    factor(k) = -scale z phi_k(z),    phi_k(z) = sum over j of z^j / (j + k)!

Source: Lu et al. 2022, DPM-Solver++, Sec. 4 and App. A; Zhao et al. 2023, UniPC, Sec. 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from advlib.generators.solvers.solver import Field, Solver, require_order

QUANTILE = 0.995  # of the absolute values of an image, at which thresholding cuts
TERMS = 20  # of the series of phi below |z| = 1: to 1e-18


@dataclass(frozen=True)
class Exponential(Solver):
    """Settings that DPM-Solver++ and UniPC share.

    order: the highest.  data: interpolate denoised images rather than slopes.  thresholding: cut
    the values of denoised images at a quantile, or at 1, as the public code always does in data
    form.  lower_at_end: end with steps of order 2 and 1.
    """

    schedule: ClassVar[str] = "logsnr"
    orders: ClassVar[Sequence[int]] = (2, 3)
    order: int = 3
    data: bool = True
    thresholding: bool = True
    lower_at_end: bool = True

    def __post_init__(self) -> None:
        require_order(self, self.order)

    def model(self, field: Field, x: Tensor, level: float) -> Tensor:
        """What is interpolated: denoised images, or slopes."""
        slope = field.slope(x, level)
        if not self.data:
            return slope
        denoised = x - level * slope
        return thresholded(denoised) if self.thresholding else denoised

    def order_of(self, step: int, steps: int) -> int:
        """Order of step number `step`: low at first, for want of earlier ones, and at the end."""
        if step + 1 < self.order:
            return step + 1
        return min(self.order, steps - step) if self.lower_at_end else self.order


@dataclass(frozen=True)
class Step:
    """The factors of a step from one level to a lower one; `z`, `scale`, `carry` as above."""

    h: float
    z: float
    scale: float
    carry: float

    @classmethod
    def between(cls, level: float, after: float, *, data: bool) -> "Step":
        """The step from `level` to `after`, in data or noise form."""
        h = math.log(level / after)
        return cls(h, -h, 1.0, after / level) if data else cls(h, h, after, 1.0)

    def factor(self, k: int) -> float:
        """Factor of the derivative number k - 1."""
        return -self.scale * self.z * self.phi(k)

    def phi(self, k: int) -> float:
        """phi_k(z) of the formulas above."""
        if abs(self.z) < 1:
            return math.fsum(self.z**j / math.factorial(j + k) for j in range(TERMS))
        found = math.expm1(self.z) / self.z
        for j in range(1, k):
            found = (found - 1 / math.factorial(j)) / self.z
        return found


def places(levels: Sequence[float], step: int, order: int) -> list[float]:
    """Places in lam of the order - 1 levels before levels[step], in steps from it: negative."""
    h = math.log(levels[step] / levels[step + 1])
    return [math.log(levels[step] / levels[step - k]) / h for k in range(1, order)]


def thresholded(denoised: Tensor) -> Tensor:
    """Denoised images (b, c, h, w) cut at a quantile of their own, or 1, and scaled by it.

    Source: Saharia et al. 2022, Sec. 2.3.
    """
    top = torch.quantile(denoised.abs().flatten(1), QUANTILE, dim=1).clamp(min=1)
    top = top.reshape(-1, 1, 1, 1)
    return torch.minimum(torch.maximum(denoised, -top), top) / top
