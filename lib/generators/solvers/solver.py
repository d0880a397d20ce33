"""What all solvers share: the slope that they follow, and the steps that they take."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from advlib.errors import DataError

# of noisy images x (b, c, h, w) at a level sigma, a number or (b,): the images without noise
Denoiser = Callable[[Tensor, "float | Tensor"], Tensor]
Guide = Callable[[Tensor, "float | Tensor"], Tensor]  # a term to be added to the slope


class Field:
    """The slope dx/dsigma = (x - D(x, sigma)) / sigma along which noise leaves images.

    Source: Karras et al. 2022, Eq. 3.
    """

    def __init__(self, denoise: Denoiser, guide: Guide | None = None, *, analytic: bool = False):
        """Follow a denoiser.

        guide: adds a term to the slope, as a discriminator does.  analytic: the first slope is that
        of a denoiser which finds nothing but black, x / sqrt(1 + sigma^2), at no evaluation.
        """
        self._denoise, self._guide = denoise, guide
        self._analytic = analytic
        self.evaluations = 0

    def slope(self, x: Tensor, level: float | Tensor) -> Tensor:
        """The slope at x (b, c, h, w), float64, with what the guide adds."""
        plain = self.unguided(x, level)
        return plain if self._guide is None else plain + self._guide(x, level)

    def unguided(self, x: Tensor, level: float | Tensor) -> Tensor:
        """The slope without what the guide adds."""
        if self._analytic:
            self._analytic = False
            return x / (1 + per_image(level) ** 2) ** 0.5
        return (x - self.denoised(x, level)) / per_image(level)

    def denoised(self, x: Tensor, level: float | Tensor) -> Tensor:
        """The images without noise, as the network sees them."""
        self.evaluations += 1
        return self._denoise(x, level)


def per_image(level: float | Tensor) -> float | Tensor:
    """A level that multiplies images (b, c, h, w); of (b,) levels each its own."""
    return level.reshape(-1, 1, 1, 1) if isinstance(level, Tensor) and level.ndim else level


@dataclass(frozen=True)
class Solver(ABC):
    """A way from noise to images along a Field.  Objects are settings; they keep no state."""

    name: ClassVar[str]
    orders: ClassVar[Sequence[int]] = ()  # that it can have
    schedule: ClassVar[str] = "karras"  # that it is used with
    rho: ClassVar[float | None] = None
    ends_at_zero: ClassVar[bool] = False  # a step leads from the lowest level to 0

    @abstractmethod
    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """The state after each step from levels[0] down to levels[-1], by way of those between.

        x: (b, c, h, w) float64, noise of the level levels[0].
        """

    def end(self, field: Field, x: Tensor, levels: Sequence[float]) -> Tensor:
        """The last state."""
        return deque(self.states(field, x, levels), maxlen=1).pop()

    def points(self, steps: int) -> int:
        """Levels above zero of so many steps."""
        return steps if self.ends_at_zero else steps + 1

    def evaluations(self, levels: Sequence[float]) -> int:
        """Evaluations of the network on an image."""
        field = Field(lambda x, level: x)
        self.end(field, torch.zeros(1, 1, 1, 1, dtype=torch.float64), levels)
        return field.evaluations


def require_order(solver: Solver, order: int) -> None:
    """DataError unless the solver can have this order."""
    if order not in solver.orders:
        expected = " or ".join(str(n) for n in solver.orders)
        raise DataError(f"order: found {order}; expected {expected} with {solver.name}")
