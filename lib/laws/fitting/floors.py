"""Floors that a table would have below zero: held at zero where that is, and the rest fitted again.

The floor without saturation is linear in log(1 + FID), so that it is lowest at perfect data or at
the worst of the table.  Held at one end it may still be below zero at the other; then it is zero at
all qualities.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advlib.laws.fitting.minimiser import polish
from advlib.laws.fitting.residuals import Residuals

Build = Callable[..., Residuals]  # build(held_at=...) makes the model of the rows
Parameters = dict[str, np.ndarray]
ROUNDING = 1e-12  # nats
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


def broken_at(model: Residuals, parameters: Mapping[str, np.ndarray]) -> float | None:
    """The end at which the floor of one law, (1,), is below zero, if any."""
    return next((end for end in model.ends if model.floor(parameters, end)[0] < 0), None)


def hold(
    build: Build,
    model: Residuals,
    theta: np.ndarray,
    weights: np.ndarray,
    free: Sequence[int],
    delta: float,
    end: float,
) -> Held:
    """The minimum with the floor held at one of the model's ends, from where `theta` (P, S) is; at
    all qualities, where the best one would be below zero at the other end.
    """
    found = _held(build, model, theta, weights, free, delta, end)
    best = {
        name: values[[int(np.argmin(found.objective))]] for name, values in found.parameters.items()
    }
    if _broken(model, best)[0]:
        return _held(build, model, theta, weights, free, delta, None)
    return found


def mend(
    build: Build,
    model: Residuals,
    theta: np.ndarray,
    parameters: Parameters,
    weights: np.ndarray,
    free: Sequence[int],
    delta: float,
) -> None:
    """Bring bootstrap draws, `parameters` (R,) at coordinates (P, R), to floors that are laws."""
    for end in (*model.ends, None):
        low = _broken(model, parameters)
        if end is not None:
            low = model.floor(parameters, end) < 0
        if low.any():
            part = weights if weights.shape[1] == 1 else weights[:, low]
            found = _held(build, model, theta[:, low], part, free, delta, end)
            for name, values in found.parameters.items():
                parameters[name][low] = values


def _broken(model: Residuals, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which laws have a floor below zero at an end, (S,) bool."""
    return np.any([model.floor(parameters, end) < -ROUNDING for end in model.ends], axis=0)


def _held(
    build: Build,
    model: Residuals,
    theta: np.ndarray,
    weights: np.ndarray,
    free: Sequence[int],
    delta: float,
    end: float | None,
) -> Held:
    """The minima with the floor held at an end; None holds it at all qualities."""
    bounded, floor = build(held_at=end or 0.0), model.place("E")
    begun, zero = model.parameters(theta), np.zeros(theta.shape[1])
    flat = end is None and len(model.ends) > 1
    names = ("E", "eps") if flat else ("E",)
    if flat:
        begun["eps"] = zero
    start = bounded.theta(begun | {"E": -begun["eps"] * end if end else zero})
    start[floor] = LEAST if end else 0.0
    moved = [i for i in free if i not in model.places(names)]
    wide = polish(bounded, start, weights, moved, np.inf)  # least squares first: no kinks
    found = polish(bounded, wide.theta, weights, moved, delta)
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
