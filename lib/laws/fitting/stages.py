"""Fitting one stage of a law: from starts to the minimum, and bootstrap draws around it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from advlib.laws.fitting import bootstrap
from advlib.laws.fitting.floors import Floors
from advlib.laws.fitting.minimiser import polish, search
from advlib.laws.fitting.observations import (
    law_columns,
    require_enough,
    row_weights,
    without_fid,
)
from advlib.laws.fitting.residuals import Residuals
from advlib.laws.fitting.settings import Settings
from advlib.runs.table import Table

REACHED = 1e-6  # a start reached the minimum if its objective is within this share of it
STEP = 1e-6  # of a numerical derivative of the coordinates by the parameters

Build = Callable[..., Residuals]  # build(held_at=...) makes the model of the rows
Starts = Callable[..., np.ndarray]  # of a model: its starts, coordinates (P, S)
Progress = Callable[[Iterable], Iterable]


@dataclass
class Stage:
    """A minimum: `parameters` (floats, at FID 0), `objective`, how many of the `starts` came to it,
    its residuals and log-derivatives by parameter (n, P) for what is determined and what not.
    at_bounds: parameters that stand at a bound of the search: `best`, whether here, and `draws`, in
    which share of the draws.  floor_held: the same of a floor that would be below 0.
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
    at_bounds: dict[str, dict[str, Any]] = field(default_factory=dict)
    floor_held: dict[str, Any] = field(default_factory=lambda: {"best": False, "draws": 0.0})


@dataclass
class Fitted:
    """A fitted law: parameters at FID 0, its stages, the draws by parameter, what was used."""

    variant: str
    parameters: dict[str, float]
    stages: list[Stage]
    draws: dict[str, list[float]]
    used: np.ndarray  # rows of the table that were fitted, bool
    base: str | None = None  # data set of the first of two stages
    notes: list[str] = field(default_factory=list)


def fit_at_once(
    variant: str,
    law: type[Residuals],
    starts: Starts,
    table: Table,
    settings: Settings,
) -> Fitted:
    """A law of quality fitted to all rows that have a FID, in one stage.

    law: makes the model from N, D, FID and loss.  starts: of a model, coordinates (P, S).
    """
    used = np.isfinite(table["fid"])
    data = table.take(np.flatnonzero(used))
    columns, free = law_columns(data), law.places(law.form.names)
    require_enough(data, len(free))

    def build(held_at: float | None = None) -> Residuals:
        return law(*columns, held_at=held_at)

    stage, drawn = solve(variant, build, starts, data, free, settings)
    notes = stage.notes + without_fid(used)
    return Fitted(variant, stage.parameters, [stage], lists(drawn), used, None, notes)


def solve(
    name: str,
    build: Build,
    starts: Starts,
    data: Table,
    free: Sequence[int],
    settings: Settings,
    stream: int = 0,
    draw_starts: Starts | None = None,
) -> tuple[Stage, dict[str, np.ndarray]]:
    """A stage at its minimum, and its bootstrap draws by parameter, (R,).

    free: the coordinates that move.  stream: keeps the draws of two stages apart.  The draws start
    from the minimum, or from `draw_starts(model, theta)`, (P, R).
    """
    weights = row_weights(data, settings.weights)
    stage, model, theta = minimum(name, build, starts, weights, free, settings)
    if not settings.draws:
        return stage, {}
    sample = bootstrap.resample(data, settings.draws, settings.seed, stream) * weights
    sample /= sample.sum(axis=0)
    if draw_starts:
        theta = draw_starts(model, theta)
    drawn, held = bootstrap.draws(build, theta, sample, free, settings.delta)
    stage.floor_held["draws"] = float(held.mean())
    for parameter, at in model.at_bounds(drawn).items():
        if at.any():
            best = stage.at_bounds.get(parameter, {"best": False})
            stage.at_bounds[parameter] = best | {"draws": float(at.mean())}
    return stage, drawn


def minimum(
    name: str,
    build: Build,
    starts: Starts,
    weights: np.ndarray,
    free: Sequence[int],
    settings: Settings,
) -> tuple[Stage, Residuals, np.ndarray]:
    """The least objective from all starts, its model, and coordinates (P, 1) of the unbounded
    model.

    A floor that is below zero at perfect data or at the worst of the table is no law: then it is
    held at zero there, and the rest fitted again.
    """
    model = build()
    first, floor, delta = starts(model), model.place("E"), settings.delta
    found = polish(model, search(model, first, weights, free, settings.seed), weights, free, delta)
    theta, value = found.theta[:, [found.best]], float(found.objective[found.best])
    reached = found.objective <= value * (1 + REACHED)
    parameters = model.parameters(theta)
    held: tuple[str, ...] = ()
    notes: list[str] = []
    floors = Floors(build, model, weights, free, delta)
    if floor in free and (bounded := floors.hold(found.theta, parameters)):
        model, parameters, held = bounded.model, bounded.law, bounded.names
        value, notes = float(bounded.objective[bounded.best]), [bounded.note]
        theta = bounded.theta[:, [bounded.best]]
        reached = bounded.objective <= value * (1 + REACHED)
    law = {key: float(v[0]) for key, v in parameters.items()}
    moved = [i for i in free if i not in model.places(held)]
    names, jacobian = log_derivatives(model, law, moved)
    residuals = model.residual(theta)[:, 0]
    if held:
        theta = build().theta(law)[:, None]  # coordinates that the draws can start from
    stage = Stage(
        name=name,
        parameters=law,
        objective=value,
        starts=first.shape[1],
        reached=int(reached.sum()),
        rows=len(residuals),
        free=names,
        jacobian=jacobian,
        residuals=residuals,
        notes=notes,
        at_bounds={
            name: {"best": True, "draws": 0.0} for name, at in model.at_bounds(law).items() if at
        },
        floor_held={"best": bool(held), "draws": 0.0},
    )
    return stage, model, theta


def log_derivatives(
    model: Residuals, parameters: Mapping[str, float], free: Sequence[int]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the free parameters, and the derivatives of log L, (n, P), by the logarithm of
    each that is positive and by those of either sign themselves; through the coordinates.
    """
    moved = [name for name in parameters if model.place(name) in free]
    theta = model.theta(parameters)[:, None]
    _, columns = model.gradient(theta, list(range(len(theta))))
    by_theta = np.concatenate(columns, axis=1)
    out = []
    for name in moved:
        up, down = dict(parameters), dict(parameters)
        if name in model.form.signed:
            up[name] += STEP
            down[name] -= STEP
        else:
            up[name] *= np.exp(STEP)
            down[name] *= np.exp(-STEP)
        out.append(by_theta @ ((model.theta(up) - model.theta(down)) / (2 * STEP)))
    return tuple(moved), np.array(out).T


def lists(draws: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Draws as JSON holds them."""
    return {name: values.tolist() for name, values in draws.items()}
