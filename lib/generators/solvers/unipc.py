"""UniPC of order 2 and 3: each step is predicted, and corrected by what the next one evaluates.

Source: Zhao et al. 2023, UniPC, Alg. 1 and 2, App. A.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from advlib.generators.solvers.exponential import Exponential, Step, places
from advlib.generators.solvers.solver import Field


@dataclass(frozen=True)
class UniPC(Exponential):
    """UniPC-3, or UniPC-2 at order 2: an evaluation a step.

    exponential: B(h) = exp(z) - 1 (`bh2` of the public code) rather than z (`bh1`).
    With fewer steps than `order` the last one is corrected too, at an evaluation more.
    """

    name: ClassVar[str] = "unipc"
    exponential: bool = True

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says."""
        steps = len(levels) - 1
        outputs = [self.model(field, x, levels[0])]  # from the newest
        for i in range(steps):
            step = Step.between(levels[i], levels[i + 1], data=self.data)
            where = places(levels, i, self.order_of(i, steps))
            begun = step.carry * x + step.factor(1) * outputs[0]
            changes = [
                (earlier - outputs[0]) / place
                for earlier, place in zip(outputs[1:], where, strict=False)
            ]
            x = self._moved(step, begun, changes, where)
            if i + 1 < steps or i + 1 < self.order:
                ahead = self.model(field, x, levels[i + 1])
                x = self._moved(step, begun, [*changes, ahead - outputs[0]], [*where, 1.0])
                outputs = [ahead, *outputs[: self.order - 1]]
            yield x

    def _moved(
        self, step: Step, begun: Tensor, changes: Sequence[Tensor], where: Sequence[float]
    ) -> Tensor:
        """The state that the changes per step length, seen at the places `where`, lead to."""
        if not changes:
            return begun
        size = math.expm1(step.z) if self.exponential else step.z  # B(h)
        for weight, change in zip(self._weights(step, size, where), changes, strict=True):
            begun = begun - step.scale * size * weight * change
        return begun

    def _weights(self, step: Step, size: float, where: Sequence[float]) -> Sequence[float]:
        """Weights under which powers up to the number of places are integrated exactly."""
        if len(where) == 1:
            return [0.5]
        powers = range(1, len(where) + 1)
        wanted = [math.factorial(k) * step.z * step.phi(k + 1) / size for k in powers]
        system = [[place ** (k - 1) for place in where] for k in powers]
        return np.linalg.solve(system, wanted).tolist()
