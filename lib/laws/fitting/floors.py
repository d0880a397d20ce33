"""Floors that a table would have below zero: held at zero where that is, and the rest fitted again.

The floor without saturation is linear in log(1 + FID), so that it is lowest at perfect data or at
the worst of the table.  Held at one end it may still be below zero at the other; then it is held
there, and at all qualities if that does not help either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advlib.laws.fitting.minimiser import polish
from advlib.laws.fitting.residuals import Residuals

Parameters = dict[str, np.ndarray]
LEAST = 1e-9  # nats, at which the floor is held at the worst data: above 0 whatever rounds


@dataclass
class Held:
    """Minima with the floor held: the model, coordinates (P, S), objectives (S,), parameters (S,).

    names: of the parameters that do not move.  note: what to tell a user.
    """

    model: Residuals
    theta: np.ndarray
    objective: np.ndarray
    parameters: Parameters
    names: tuple[str, ...]
    note: str

    @property
    def best(self) -> int:
        """The index of the least minimum."""
        return int(np.argmin(self.objective))

    @property
    def law(self) -> Parameters:
        """The parameters at the least minimum, (1,)."""
        return {name: values[[self.best]] for name, values in self.parameters.items()}


@dataclass(frozen=True)
class Floors:
    """How one stage is fitted: `build(held_at=...)` makes the `model` of its rows; weights (n, 1)
    or (n, R); the coordinates that are `free`; delta of the Huber loss.
    """

    build: Callable[..., Residuals]
    model: Residuals
    weights: np.ndarray
    free: Sequence[int]
    delta: float

    def hold(self, theta: np.ndarray, law: Parameters) -> Held | None:
        """The minima from `theta` (P, S) with the floor held where that of `law`, (1,), the best of
        them, is below zero; None where it is not.
        """
        found = None
        for end in self._places:
            if self._below_zero(law, end).any():
                found = self._held(theta, self.weights, end)
                law = found.law
        return found

    def mend(self, theta: np.ndarray, parameters: Parameters) -> np.ndarray:
        """Bring bootstrap draws, `parameters` (R,) at coordinates (P, R), to floors that are laws,
        each as `hold` does it; which draws had to be, (R,) bool.
        """
        mended = np.zeros(theta.shape[1], dtype=bool)
        for end in self._places:
            low = self._below_zero(parameters, end)
            if low.any():
                part = self.weights if self.weights.shape[1] == 1 else self.weights[:, low]
                for name, values in self._held(theta[:, low], part, end).parameters.items():
                    parameters[name][low] = values
                mended |= low
        return mended

    @property
    def _places(self) -> tuple[float | None, ...]:
        """Where the floor is looked at and held, in this order; None is at all qualities."""
        return (*self.model.ends, None)

    def _below_zero(self, parameters: Mapping[str, np.ndarray], end: float | None) -> np.ndarray:
        """Which laws have a floor below zero there, (S,) bool; None: at any end."""
        ends = self.model.ends if end is None else (end,)
        return np.any([self.model.floor(parameters, at) < 0 for at in ends], axis=0)

    def _held(self, theta: np.ndarray, weights: np.ndarray, end: float | None) -> Held:
        """The minima with the floor held at an end; None holds it at all qualities."""
        bounded, floor = self.build(held_at=end or 0.0), self.model.place("E")
        begun, zero = self.model.parameters(theta), np.zeros(theta.shape[1])
        flat = end is None and len(self.model.ends) > 1
        names = ("E", "eps") if flat else ("E",)
        if flat:
            begun["eps"] = zero
        start = bounded.theta(begun | {"E": -begun["eps"] * end if end else zero})
        start[floor] = LEAST if end else 0.0
        moved = [i for i in self.free if i not in self.model.places(names)]
        wide = polish(bounded, start, weights, moved, np.inf)  # least squares first: no kinks
        found = polish(bounded, wide.theta, weights, moved, self.delta)
        parameters = bounded.parameters(found.theta)
        if not end:
            parameters["E"] = zero
        if flat:
            note = "E and eps are held at 0"
        elif end:
            note = f"it is held at 0 at FID {np.expm1(end):.4g}, the worst of the table"
        else:
            note = "E is held at 0"
        return Held(
            bounded,
            found.theta,
            found.objective,
            parameters,
            names,
            f"the best floor would be negative: {note}",
        )
