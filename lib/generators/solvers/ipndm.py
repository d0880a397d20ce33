"""iPNDM: Adams-Bashforth weights of even steps, whatever the steps are; the fewest evaluations.

Sources: Liu et al. 2022 (PNDM); Zhang and Chen 2023, Sec. 3.3 (iPNDM).
"""

from dataclasses import dataclass
from typing import ClassVar

from advlib.generators.solvers.multistep import Multistep

EVEN = {  # Adams-Bashforth of even steps, by order
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


@dataclass(frozen=True)
class IPNDM(Multistep):
    """iPNDM up to order 4; its first steps are of lower order."""

    name: ClassVar[str] = "ipndm"
    orders: ClassVar = tuple(EVEN)
    order: int = 4

    def weights(self, levels, step, order):
        """As Multistep says."""
        size = levels[step + 1] - levels[step]
        return [size * weight for weight in EVEN[order]]
