"""Fitting one stage of a law: from starts to the minimum, and bootstrap draws around it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from advlib.laws.fitting.minimiser import polish, search
from advlib.laws.fitting.residuals import Residuals

REACHED = 1e-6  # a start reached the minimum if its objective is within this share of it


@dataclass
class Stage:
    """A minimum: `parameters` (floats, at FID 0), `objective`, how many of the `starts` came to it,
    its residuals and log-derivatives by parameter (n, P) for what is determined and what not.
    """

    name: str
    parameters: dict[str, float]
    objective: float
    starts: int
    reached: int
    rows: int
    free: tuple[str, ...]
    jacobian: np.ndarray
    residuals: np.ndarray
    notes: list[str] = field(default_factory=list)


def minimum(
    name: str, build: Callable[..., Residuals], starts, weights, free, delta, seed
) -> tuple[Stage, Residuals, np.ndarray]:
    """The least objective from all `starts` (a function of the model), its model, and coordinates
    (P, 1) of the unbounded model.

    `build(floor_at_zero=...)` makes the model.  A best floor below zero is no law: then the floor
    is held at zero and the rest fitted again.
    """
    model = build()
    begin = starts(model)
    found = polish(model, search(model, begin, weights, free, seed), weights, free, delta)
    theta, notes = found.theta[:, [found.best]], []
    reached = found.objective <= found.objective[found.best] * (1 + REACHED)
    value = float(found.objective[found.best])
    if 0 in free and float(model.parameters(theta)["E"][0]) < 0:
        model, ends, values = _without_floor(build, model, found.theta, weights, free, delta)
        value = float(values.min())
        theta, reached = ends[:, [int(np.argmin(values))]], values <= value * (1 + REACHED)
        notes.append("the best floor would be negative: E is held at 0")
    parameters = {key: float(v[0]) for key, v in model.parameters(theta).items()}
    if notes:
        parameters["E"] = 0.0
    kept = [i for i in free if not (notes and i == 0)]
    names, jacobian = log_derivatives(model, parameters, kept)
    residuals = model.residual(theta)[:, 0]
    if notes:
        theta = build().theta(parameters)[:, None]  # coordinates that the draws can start from
    stage = Stage(
        name,
        parameters,
        value,
        begin.shape[1],
        int(reached.sum()),
        len(residuals),
        names,
        jacobian,
        residuals,
        notes,
    )
    return stage, model, theta


def _without_floor(build, model, theta, weights, free, delta):
    """The minimum with E = 0, from where the unbounded one is."""
    bounded = build(floor_at_zero=True)
    parameters = model.parameters(theta) | {"E": np.zeros(theta.shape[1])}
    start = bounded.theta(parameters)
    start[0] = 0.0
    free = [i for i in free if i != 0]
    wide = polish(bounded, start, weights, free, np.inf)  # least squares first: no kinks
    found = polish(bounded, wide.theta, weights, free, delta)
    return bounded, found.theta, found.objective


def draws(build: Callable[..., Residuals], theta, weights, free, delta) -> dict[str, np.ndarray]:
    """The minimum of each column of `weights` (n, R): bootstrap draws, as parameter arrays (R,).

    Warm started twice, from `theta` (P, 1) or (P, R) and from the draw's own least-squares minimum
    near it; the lower end counts.
    """
    model = build()
    count = weights.shape[1]
    start = np.broadcast_to(theta, (len(theta), count)).copy()
    near = polish(model, start, weights, free, np.inf).theta
    first = polish(model, start, weights, free, delta)
    second = polish(model, near, weights, free, delta)
    better = second.objective < first.objective
    best = np.where(better, second.theta, first.theta)
    parameters = model.parameters(best)
    below = parameters["E"] < 0
    if 0 in free and below.any():
        bounded, again, _ = _without_floor(
            build, model, best[:, below], weights[:, below], free, delta
        )
        for key, values in bounded.parameters(again).items():
            parameters[key][below] = values
        parameters["E"][below] = 0.0
    return parameters


def log_derivatives(model, parameters, free):
    """The names of the free parameters, and the derivatives of log L, (n, P), by the logarithm of
    each that is positive and by eps and zeta themselves; through the coordinates.
    """
    moved = {
        name: index
        for name, index in zip(parameters, _order(model, parameters), strict=True)
        if index in free
    }
    theta = model.theta(parameters)[:, None]
    _, columns = model.gradient(theta, list(range(len(theta))))
    by_theta = np.concatenate(columns, axis=1)
    out = []
    for name in moved:
        step = 1e-6
        up, down = dict(parameters), dict(parameters)
        if name in ("eps", "zeta"):
            up[name] += step
            down[name] -= step
        else:
            up[name] *= np.exp(step)
            down[name] *= np.exp(-step)
        change = (model.theta(up) - model.theta(down)) / (2 * step)
        out.append(by_theta @ change)
    return tuple(moved), np.array(out).T


def _order(model, parameters):
    """The coordinate that each parameter stands for, in the order of `parameters`."""
    places = {"E": 0, "A": 1, "alpha": 2, "B": 3, "beta": 4}
    places |= {"zeta": 5, "eps": 6} if len(model.names) == 7 else {"Q": 5, "kappa": 6, "eps": 7}
    return [places[name] for name in parameters]
