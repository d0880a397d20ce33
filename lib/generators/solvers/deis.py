"""DEIS: slopes are interpolated in the time of the variance-preserving process (tAB).

The public code sums 10,000 values where this integrates: weights differ by 4e-5.

Source: Zhang and Chen 2023, Sec. 3.
"""

from dataclasses import dataclass
from typing import ClassVar

from advlib.generators.solvers.multistep import Multistep, adams_bashforth
from advlib.generators.time_schedules import VPTime


@dataclass(frozen=True)
class DEIS(Multistep):
    """tAB-DEIS of up to 4 points; the first step is Euler's.

    order: points of the polynomial; the paper's tAB3 has 4.
    """

    name: ClassVar[str] = "deis"
    schedule: ClassVar[str] = "uniform"
    rho: ClassVar[float | None] = 2.0
    orders: ClassVar = (1, 2, 3, 4)
    order: int = 4

    def weights(self, levels, step, order):
        """As Multistep says."""
        if order == 1:
            return [levels[step + 1] - levels[step]]
        return adams_bashforth(levels, step, order, VPTime.between().time)
