"""GITS: noise levels placed where the paths of images bend, by dynamic programming.

A teacher follows warm-up images over a fine grid of levels; what an Euler jump from one point of
the grid to another costs is read off its path, with no further evaluations.

Source: Chen et al. 2024, "On the Trajectory Regularity of ODE-based Diffusion Sampling", Sec. 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.generators.solvers.solver import Field, Solver

METRICS = ("dev", "l1", "l2")
POINTS = 61  # of the teacher's grid
WARMUP = 256  # images
LATER = 1.15  # by which a jump counts for more than the jump before it


@dataclass(frozen=True)
class Path:
    """Where a teacher went: states and slopes at the points of its grid."""

    levels: np.ndarray  # (points,), falling
    states: Tensor  # (points, b, c, h, w)
    slopes: Tensor  # (points - 1, b, c, h, w)


class _Recorder(Field):
    """Keeps the first slope that is asked for at each point of a path."""

    def __init__(self, field: Field):
        super().__init__(lambda x, level: x)
        self.field = field
        self.kept: list[Tensor] = []
        self.point = 0

    def slope(self, x: Tensor, level: float | Tensor) -> Tensor:
        found = self.field.slope(x, level)
        if len(self.kept) == self.point:
            self.kept.append(found)
        return found

    def unguided(self, x: Tensor, level: float | Tensor) -> Tensor:
        return self.field.unguided(x, level)


def path(solver: Solver, field: Field, x: Tensor, levels: Sequence[float]) -> Path:
    """The path of a teacher from noise x (b, c, h, w) over a grid of levels."""
    recorder, states = _Recorder(field), [x]
    for state in solver.states(recorder, x, levels):
        states.append(state)
        recorder.point += 1
    return Path(np.asarray(levels), torch.stack(states), torch.stack(recorder.kept))


def costs(found: Path, metric: str = "dev") -> np.ndarray:
    """What a jump from point i to point j costs, (points, points) float64, above the diagonal.

    metric: mean over images of the distance between where the jump leads and the teacher's point,
    "l1" or "l2"; or "dev", how much farther from the chord of the whole path the jump leads than
    the teacher's point lies, which may be negative.
    """
    points = len(found.levels)
    table = np.zeros((points, points))
    bends = _off_chord(found, found.states[1:-1])
    for i in range(points - 1):
        sizes = torch.as_tensor(found.levels[i + 1 :] - found.levels[i])
        jumps = found.states[i] + sizes.reshape(-1, 1, 1, 1, 1) * found.slopes[i]
        if metric == "dev":
            table[i, i + 1 :] = _off_chord(found, jumps)
            table[i, i + 1 : -1] -= bends[i:]
        else:
            off = (jumps - found.states[i + 1 :]).flatten(2)
            table[i, i + 1 :] = off.norm(p=int(metric[1]), dim=2).mean(1)
    return table


def _off_chord(found: Path, states: Tensor) -> np.ndarray:
    """Mean distance of states (k, b, c, h, w) from the lines between the ends of the path."""
    start = found.states[0].flatten(1)
    chord = found.states[-1].flatten(1) - start
    off = states.flatten(2) - start
    along = (off * chord).sum(2, keepdim=True) / (chord * chord).sum(1, keepdim=True)
    return (off - along * chord).norm(dim=2).mean(1).numpy()


def fewest(table: np.ndarray, steps: int, later: float = LATER) -> tuple[list[int], float]:
    """The `steps` jumps from the first point to the last of least cost: their points, the cost.

    Jump number k counts later^k of its cost.  Of equal ways the first point is taken.
    Raises DataError where there are fewer points than steps.
    """
    last = len(table) - 1
    if not 1 <= steps <= last:
        raise DataError(f"steps: found {steps}; expected 1 to {last}, the points of the grid")
    best = np.full((steps + 1, last + 1), np.inf)
    best[0, last] = 0
    choice = np.zeros((steps + 1, last + 1), dtype=int)
    for k in range(1, steps + 1):
        for j in range(last):
            ways = table[j, j + 1 :] + later * best[k - 1, j + 1 :]
            choice[k, j] = j + 1 + np.argmin(ways)
            best[k, j] = ways.min()
    points = [0]
    for k in range(steps, 0, -1):
        points.append(int(choice[k, points[-1]]))
    return points, float(best[steps, 0])


def with_free_step(
    points: Sequence[int], teacher: Path, ends: Callable[[Sequence[int]], Tensor]
) -> list[int]:
    """The points with one more, to which the first slope, which costs nothing, leads best.

    points: chosen for a teacher whose own first slope was analytic.  ends: where the solver at work
    ends from the teacher's start by given points, its first slope analytic too.  Kept is the point
    that brings this nearest to the teacher's end; with none between, `points` as they are.
    """
    target = teacher.states[-1]

    def off(way: Sequence[int]) -> float:
        return (ends(way) - target).flatten(1).norm(dim=1).mean().item()

    ways = [[0, extra, *points[1:]] for extra in range(1, points[1])]
    return min(ways, key=off, default=list(points))
