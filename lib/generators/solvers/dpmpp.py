"""DPM-Solver++ multistep with polynomials of two and three values (2M, 3M): an evaluation a step.

The third term of 3M is as the public code has it, and published figures with it: a difference
quotient stands where twice of it, the second derivative, would make it a method of order 3.

Source: Lu et al. 2022, DPM-Solver++, Alg. 2, and App. A for order 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from advlib.generators.solvers.exponential import Exponential, Step, places
from advlib.generators.solvers.solver import Field


@dataclass(frozen=True)
class DPMpp(Exponential):
    """DPM-Solver++(3M), or (2M) at order 2."""

    name: ClassVar[str] = "dpmpp"

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says."""
        outputs: list[Tensor] = []  # from the newest
        steps = len(levels) - 1
        for i in range(steps):
            outputs = [self.model(field, x, levels[i]), *outputs[: self.order - 1]]
            step = Step.between(levels[i], levels[i + 1], data=self.data)
            x = _after(step, x, outputs, places(levels, i, self.order_of(i, steps)))
            yield x


def _after(step: Step, x: Tensor, outputs: Sequence[Tensor], where: Sequence[float]) -> Tensor:
    """The state after a step, from outputs at 0 and at the places `where` before it."""
    x = step.carry * x + step.factor(1) * outputs[0]
    if not where:
        return x
    slope = (outputs[1] - outputs[0]) / where[0]
    if len(where) == 1:
        return x + step.factor(1) / 2 * slope
    earlier = (outputs[2] - outputs[1]) / (where[1] - where[0])
    bend = (earlier - slope) / where[1]
    return x + step.factor(2) * (slope - where[0] * bend) + step.factor(3) * bend
