"""Linear multistep methods: an evaluation a step, along a sum of the slopes of the last steps."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from advlib.generators.solvers.solver import Field, Solver, require_order

NODES = 64  # of the quadrature: integrals over a step to 1e-14


@dataclass(frozen=True)
class Multistep(Solver):
    """x grows by the sum of w_k d_k over the last `order` slopes d_k, fewer in the first steps."""

    order: int

    def __post_init__(self) -> None:
        if self.orders:
            require_order(self, self.order)

    @abstractmethod
    def weights(self, levels: Sequence[float], step: int, order: int) -> Sequence[float]:
        """Weights of the slopes at levels[step], levels[step - 1], ..., the step's size included.

        order: how many.
        """

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says."""
        slopes: list[Tensor] = []  # from the newest
        for i in range(len(levels) - 1):
            slopes = [field.slope(x, levels[i]), *slopes[: self.order - 1]]
            for weight, slope in zip(self.weights(levels, i, len(slopes)), slopes, strict=True):
                x = x + weight * slope
            yield x


def adams_bashforth(
    levels: Sequence[float],
    step: int,
    order: int,
    variable: Callable[[np.ndarray], np.ndarray] = lambda level: level,
) -> np.ndarray:
    """Weights (order,) that integrate a slope known at the last `order` levels over a step.

    The slope is taken for the polynomial in variable(level) through what is known; the integral is
    over the level.  Exact for levels of any spacing.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    low, high = np.log(levels[step + 1]), np.log(levels[step])
    at = np.exp((low + high) / 2 + (low - high) / 2 * nodes)
    measure = weights * (low - high) / 2 * at  # d level = level d ln level
    known = variable(np.asarray([levels[step - k] for k in range(order)], dtype=np.float64))
    where = variable(at)
    found = np.empty(order)
    for k in range(order):
        others = np.delete(known, k)
        lagrange = np.prod((where[:, None] - others) / (known[k] - others), axis=1)
        found[k] = np.sum(measure * lagrange)
    return found
