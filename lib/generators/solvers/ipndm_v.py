"""iPNDM with the weights of the steps as they are: Adams-Bashforth for levels of any spacing.

The public code of that name has wrong weights from order 3 on; these are exact.

Source: Zhang and Chen 2023, App. H.3 (rhoAB-DEIS is the same method).
"""

from dataclasses import dataclass
from typing import ClassVar

from advlib.generators.solvers.multistep import Multistep, adams_bashforth


@dataclass(frozen=True)
class IPNDMV(Multistep):
    """Adams-Bashforth in the level, up to order 4; its first steps are of lower order."""

    name: ClassVar[str] = "ipndm-v"
    orders: ClassVar = (1, 2, 3, 4)
    order: int = 4

    def weights(self, levels, step, order):
        """As Multistep says."""
        return adams_bashforth(levels, step, order)
