"""Euler's method: an evaluation a step, along the slope where the step begins."""

from dataclasses import dataclass
from typing import ClassVar

from advlib.generators.solvers.multistep import Multistep


@dataclass(frozen=True)
class Euler(Multistep):
    """Euler's method."""

    name: ClassVar[str] = "euler"
    order: int = 1

    def weights(self, levels, step, order):
        """As Multistep says."""
        return [levels[step + 1] - levels[step]]
