"""Minimise the mean Huber loss of log residuals from many starts at once.

All starts move in step: arrays are (rows, starts), so one pass of vectorised arithmetic is a step
of every start.  Two stages, each safe on its own terms:

- `search` takes the starts to the valley by damped Gauss-Newton on least squares, which has no
  kinks.  Groups of starts see different random subsets of the rows, so they come down at different
  places of the valley, as bootstrap draws do.
- `polish` takes what is left, all rows and the objective itself, by damped Newton with the exact
  Hessian, until a step no longer changes anything.

In both, starts that have met are followed as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advlib.laws.fitting.objective import huber_derivative, objective
from advlib.laws.fitting.residuals import Residuals

SEARCH_STEPS = 40
SEARCH_GROUPS = 4
POLISH_STEPS = 300
ROUND = 10  # steps between two looks at which starts have met
SAME = 1e-4  # starts that agree to this in every coordinate have met
CACHE = 20_000  # numbers in an array of starts moved together: a dozen such fit a core's cache
MAX_MOVE = 2.0  # largest change of a coordinate in a step: a factor of e^2
ROUNDING = 1e-13  # relative change of the objective that arithmetic cannot see
TIGHT = 1e-10  # a step that moves no coordinate by more than this is no step


@dataclass
class Minima:
    """Where each start ended: `theta` (P, S), `objective` (S,), `converged` (S,) bool."""

    theta: np.ndarray
    objective: np.ndarray
    converged: np.ndarray

    @property
    def best(self) -> int:
        return int(np.argmin(self.objective))


def search(
    model: Residuals, starts: np.ndarray, weights: np.ndarray, free: Sequence[int], seed: int = 0
) -> np.ndarray:
    """Where each column of `starts` (P, S) comes to by least squares on a part of the rows.

    `weights`: (n, 1), summing to 1.  `free`: indices of the coordinates that move.
    """
    theta = np.array(starts, dtype=float)
    rows, rng = len(model.target), np.random.default_rng(seed)
    part = min(int(0.8 * rows), 8 * len(free))
    for group in range(SEARCH_GROUPS):
        columns = slice(group, None, SEARCH_GROUPS)
        chosen = np.sort(rng.permutation(rows)[:part]) if part > len(free) else np.arange(rows)
        state = _State(theta[:, columns], weights[chosen] / weights[chosen].sum(), len(chosen))
        some = model.rows(chosen)
        state.start(some, np.inf)
        for _ in range(0, SEARCH_STEPS, ROUND):
            state.advance(some, np.inf, free, ROUND, _gauss_newton)
            state.merge()
        theta[:, columns] = state.minima().theta
    return theta


def polish(
    model: Residuals, starts: np.ndarray, weights: np.ndarray, free: Sequence[int], delta: float
) -> Minima:
    """Minimise the objective itself from every column of `starts` (P, S).

    `weights`: (n, 1), or (n, S) for one set of weights a start (bootstrap); columns sum to 1.
    """
    state = _State(np.array(starts, dtype=float), weights, len(model.target))
    state.start(model, delta)
    state.merge()
    for _ in range(0, POLISH_STEPS, ROUND):
        state.advance(model, delta, free, ROUND, _newton)
        state.merge()
        if not len(state.active):
            break
    return state.minima()


class _State:
    """All starts on their way: position, objective, damping, and which of them still move."""

    def __init__(self, theta, weights, rows):
        count = theta.shape[1]
        self.theta, self.weights = theta, weights
        self.shared = weights.shape[1] == 1
        self.block = max(16, CACHE // rows)
        self.leader = np.arange(count)

    def start(self, model: Residuals, delta: float) -> None:
        """Evaluate the objective at the starts; all of them move."""
        count = self.theta.shape[1]
        self.active = np.arange(count)
        self.value = objective(model, self.theta, self.weights, delta)
        self.damping = np.full(count, 1e-2)
        self.converged = np.zeros(count, bool)

    def advance(self, model, delta, free, steps, method):
        """Move the active starts by at most `steps` steps, a cacheful at a time."""
        going = [
            self._advance_block(model, delta, free, steps, method, self.active[i : i + self.block])
            for i in range(0, len(self.active), self.block)
        ]
        self.active = np.concatenate(going) if going else self.active

    def _advance_block(self, model, delta, free, steps, method, active):
        for _ in range(steps):
            w = self.weights if self.shared else self.weights[:, active]
            here, old = self.theta[:, active], self.value[active]
            with np.errstate(all="ignore"):
                step, predicted = method(model, here, w, delta, free, self.damping[active])
            there = here.copy()
            there[free] += step
            there = np.clip(there, *model.bounds)
            new = objective(model, there, w, delta)
            # below the rounding of the objective only the quadratic model can tell: take the step
            last = (predicted < ROUNDING * old) & (new < old * (1 + 100 * ROUNDING))
            better = (new < old) | last
            self.theta[:, active[better]] = there[:, better]
            self.value[active[better]] = new[better]
            with np.errstate(invalid="ignore"):  # inf - inf: neither place is a law
                good = better & (old - new > 0.25 * predicted)
            scale = np.where(good, 0.1, np.where(better, 1.0, 6.0))
            self.damping[active] = np.maximum(self.damping[active] * scale, 1e-9)
            still = last | (np.abs(there - here).max(axis=0) < TIGHT)
            self.converged[active] |= still
            active = active[~(still | (self.damping[active] > 1e10))]
            if not len(active):
                break
        return active

    def merge(self):
        """Let one start speak for all that have come to the same place."""
        if not self.shared:
            return
        order = np.lexsort((self.value, ~self.converged))
        places = np.round(self.theta.T[order] / SAME)
        _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
        chosen = order[first][inverse.ravel()]
        follows = chosen != order
        self.leader[order[follows]] = chosen[follows]
        self.active = np.setdiff1d(self.active, order[follows])

    def minima(self):
        lead = self.leader
        while not np.array_equal(lead, lead[lead]):
            lead = lead[lead]
        return Minima(self.theta[:, lead], self.value[lead], self.converged[lead])


def _gauss_newton(model, theta, weights, delta, free, damping):
    """A damped Gauss-Newton step (len(free), S) on least squares (`delta` is inf)."""
    residual, columns = model.gradient(theta, free)
    matrix, slope = _products([weights * c for c in columns], columns, weights * residual)
    return _step(matrix, slope, matrix.diagonal().T, damping)


def _newton(model, theta, weights, delta, free, damping):
    """A damped Newton step (len(free), S) on the objective."""
    residual, columns, curvature = model.derivatives(theta, free)
    inside = np.abs(residual) <= delta
    psi = weights * huber_derivative(residual, delta)
    outer = weights * inside - psi  # of the gradients; the rest of the Hessian is the law's own
    matrix, slope = _products([outer * c for c in columns], columns, psi)
    second = curvature(psi)
    for i, row in enumerate(free):
        for j in range(i + 1):
            if (free[j], row) in second:
                matrix[i, j] += second[free[j], row]
                matrix[j, i] = matrix[i, j]
    robust = weights * np.where(inside, 1.0, delta / np.abs(residual))
    scale = np.array([_dot(robust * c, c) for c in columns])
    return _step(matrix, slope, scale, damping)


def _products(left, columns, psi):
    """The symmetric matrix (P, P, S) of the products of columns, and psi times each (P, S)."""
    size = len(columns)
    matrix = np.empty((size, size, psi.shape[1]))
    for i in range(size):
        for j in range(i + 1):
            matrix[i, j] = matrix[j, i] = _dot(left[i], columns[j])
    return matrix, np.array([_dot(psi, c) for c in columns])


def _step(matrix, slope, scale, damping):
    """Solve the damped system in coordinates in which `scale` (P, S) is one; the step, and the
    decrease that the quadratic model predicts of it.
    """
    root = np.sqrt(scale + 1e-300)
    matrix /= root[:, None] * root
    matrix[np.arange(len(root)), np.arange(len(root))] += damping
    step, decrease = _solve(matrix, slope / root)
    step /= -root
    shrink = np.minimum(1.0, MAX_MOVE / np.maximum(np.abs(step).max(axis=0), 1e-300))
    return step * shrink, decrease * shrink


def _solve(matrix, right):
    """Solve (P, P, S) systems by L D L^T, all starts at once; pivots are kept positive, so that the
    step is downhill where the Hessian is indefinite.  Also half the squared Newton decrement.
    """
    size = len(right)
    pivot = np.empty_like(right)
    for j in range(size):
        below = slice(j + 1, None)
        pivot[j] = np.maximum(np.abs(matrix[j, j]), 1e-8)
        factor = matrix[below, j] / pivot[j]
        matrix[below, below] -= factor[:, None] * matrix[below, j]
        right[below] -= factor * right[j]
        matrix[below, j] = factor
    step = right / pivot
    decrease = 0.5 * (right * step).sum(axis=0)
    for j in reversed(range(size - 1)):
        step[j] -= (matrix[j + 1 :, j] * step[j + 1 :]).sum(axis=0)
    return step, decrease


def _dot(x, y):
    return np.einsum("ns,ns->s", x, y)
