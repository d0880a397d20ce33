"""Heun's method, EDM's sampler, with its churn: two evaluations a step, one on the last.

Source: Karras et al. 2022, Alg. 1 and 2.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from advlib.generators.solvers.solver import Field, Solver, per_image

LARGEST_GAMMA = 2**0.5 - 1  # of Alg. 2


@dataclass(frozen=True)
class Churn:
    """Noise that is added before a step, and removed by it.

    amount: over all steps (S_churn).  low, high: the levels between which it is added.
    scale: standard deviation of the noise (S_noise).
    """

    amount: float = 0.0
    low: float = 0.0
    high: float = float("inf")
    scale: float = 1.0

    def gamma(self, step: int, level: float, steps: int) -> float:
        """By what share the level rises before step number `step` of `steps`."""
        inside = self.low <= level <= self.high
        return min(self.amount / steps, LARGEST_GAMMA) if inside else 0.0


@dataclass(frozen=True)
class Heun(Solver):
    """Heun's method; a step to level 0 is Euler's.

    churn: anything with Churn's `scale` and `gamma`, which may differ by image, (b,).
    noise: gives the unit noise (b, c, h, w) of a step by its number.
    """

    name: ClassVar[str] = "heun"
    ends_at_zero: ClassVar[bool] = True
    churn: Churn = Churn()
    noise: Callable[[int], Tensor] | None = None

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says."""
        steps = sum(level > 0 for level in levels)
        for i, (level, after) in enumerate(itertools.pairwise(levels)):
            x, raised = self._churned(x, i, level, steps)
            slope = field.slope(x, raised)
            ahead = x + per_image(after - raised) * slope
            if after > 0:
                slope = (slope + field.unguided(ahead, after)) / 2
                ahead = x + per_image(after - raised) * slope
            x = ahead
            yield x

    def _churned(self, x: Tensor, step: int, level: float, steps: int) -> tuple:
        """The state with noise added, and its level, a number or (b,)."""
        gamma = self.churn.gamma(step, level, steps)
        if not torch.as_tensor(gamma).any():
            return x, level
        if self.noise is None:
            raise ValueError("churn needs noise")
        raised = level * (1 + gamma)
        added = (raised**2 - level**2) ** 0.5 * self.churn.scale
        return x + per_image(added) * self.noise(step), raised
