"""Roots of monotone functions, elementwise: for floats and for arrays alike (see `scalars`)."""

from collections.abc import Callable
from typing import Any

STEPS = 100  # of Newton's method, which takes about five
CLOSE = 1e-8  # after a step as short as this, what is left of Newton's error is below rounding


def newton(step: Callable[[Any], Any], start: Any, xp: Any) -> Any:
    """The root that Newton's method comes to from `start`; `step(x)` is f(x) / f'(x).

    For functions on which it converges from any start: monotone, with a slope that is bounded and
    itself monotone.
    """
    x = start
    for _ in range(STEPS):
        move = step(x)
        x = x - move
        if xp.all(abs(move) <= CLOSE * xp.maximum(1.0, abs(x))):
            break
    return x


def last_true(
    holds: Callable[[Any], Any], low: Any, high: Any, tolerance: float, xp: Any, pieces: int = 1
) -> Any:
    """The largest x from `low` to `high` at which `holds(x)` is true, by bisection to `tolerance`.

    `holds` is true below some x and false above it; where it is true nowhere, `low` is the result.
    pieces: into so many the range is cut first, for a `holds` that changes more than once, but not
    twice in a piece.  The ends are floats; `holds` may return an array, and the result is then one.
    """
    width = (high - low) / pieces
    x = low
    for i in range(1, pieces):
        x = xp.where(holds(low + i * width), low + i * width, x)
    while width > tolerance:
        width /= 2
        x = xp.where(holds(x + width), x + width, x)
    return x
