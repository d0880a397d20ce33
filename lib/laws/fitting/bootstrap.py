"""Bootstrap: how often each run is drawn, and the law of each draw."""

from collections.abc import Callable, Sequence

import numpy as np

from advlib.laws.fitting.floors import Floors
from advlib.laws.fitting.minimiser import polish
from advlib.laws.fitting.residuals import Residuals
from advlib.runs.table import Table

TRIES = 20  # times the draws asked for, after which too few runs are left to draw from
LINE_STREAM = 2  # of random numbers, apart from those of the two stages of a law


def resample(table: Table, count: int, seed: int, stream: int = 0) -> np.ndarray:
    """How often each row is drawn, (rows, count): with replacement within each data set, one row a
    run.  `stream` keeps the draws of two stages apart.
    """
    rng = np.random.default_rng([seed, stream])
    names = table.names("dataset")
    out = np.zeros((len(table), count))
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == name)
        for draw in range(count):
            chosen = rng.integers(len(rows), size=len(rows))
            out[rows, draw] = np.bincount(chosen, minlength=len(rows))
    return out


def draws(
    build: Callable[..., Residuals],
    theta: np.ndarray,
    weights: np.ndarray,
    free: Sequence[int],
    delta: float,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The minimum of each column of `weights` (n, R), as parameter arrays (R,), and in which of
    them the floor is held at 0, (R,) bool.

    `build(held_at=...)` makes the model.  Warm started twice, from `theta` (P, 1) or (P, R)
    and from the draw's own least-squares minimum near it; the lower end counts.
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
    held = np.zeros(count, dtype=bool)
    if model.place("E") in free:
        held = Floors(build, model, weights, free, delta).mend(best, parameters)
    return parameters, held


def line_draws(
    loss: np.ndarray, accuracy: np.ndarray, count: int, seed: int
) -> dict[str, list[float]]:
    """Least-squares lines of `accuracy` in `loss`, (n,) each, of rows drawn with replacement; draws
    in which accuracy does not fall are drawn again.
    """
    rng = np.random.default_rng([seed, LINE_STREAM])
    slopes: list[float] = []
    intercepts: list[float] = []
    while len(slopes) < count:
        rows = rng.integers(len(loss), size=len(loss))
        x, y = loss[rows], accuracy[rows]
        spread = np.sum((x - x.mean()) ** 2)
        if spread > 0:
            slope = float(np.sum((x - x.mean()) * (y - y.mean())) / spread)
            if slope < 0:
                slopes.append(slope)
                intercepts.append(float(y.mean() - slope * x.mean()))
    return {"slope": slopes, "intercept": intercepts}


def drawn_again(
    count: int,
    units: int,
    seed: int,
    law_of: Callable[[np.ndarray], dict[str, float] | None],
) -> dict[str, list[float]]:
    """`count` laws of units (runs, or stretches of an envelope) drawn with replacement.

    law_of: the law of some units, given by their numbers; None where they are too few for one, and
    then they are drawn again.  Empty where that happens too often.
    """
    rng = np.random.default_rng(seed)
    found: list[dict[str, float]] = []
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        law = law_of(rng.integers(units, size=units))
        if law is not None:
            found.append(law)
    if not found or len(found) < count:
        return {}
    return {name: [law[name] for law in found] for name in found[0]}
