"""DPM-Solver of order 2: the slope halfway in ln sigma; two evaluations a step.

Source: Lu et al. 2022, DPM-Solver, Alg. 1, with r = 1/2.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from advlib.generators.solvers.solver import Field, Solver


@dataclass(frozen=True)
class DPM2(Solver):
    """DPM-Solver-2."""

    name: ClassVar[str] = "dpm2"

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says."""
        for level, after in itertools.pairwise(levels):
            halfway = (level * after) ** 0.5
            middle = x + (halfway - level) * field.slope(x, level)
            x = x + (after - level) * field.slope(middle, halfway)
            yield x
