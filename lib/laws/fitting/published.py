"""The study's own fitting recipe, for comparison: mean Huber, SciPy's L-BFGS-B with its default
tolerances and numerical gradients, from the official grids of starts, one start after another.

It stops early: a mean of order 1e-6 meets the default tolerance anywhere in the valley, and
Approach 3's B, of order 1e4 beside exponents of order 0.1, does not move at all.  That is what was
published.

Source: Bartoldson et al. 2024, App. F; official `scaling_law_utils.py`.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from advlib.laws.fitting.objective import huber
from advlib.laws.fitting.residuals import Residuals
from advlib.laws.fitting.settings import DELTA
from advlib.laws.fitting.stages import REACHED, Progress, Stage, log_derivatives

BASE_GRID = (
    (0, 1, 2, 5, 10),
    (0, 1, 2, 5, 10),
    (-1, -0.5, 0, 0.5, 1),
    (0, 0.1, 0.25, 0.5, 1),
    (0, 0.1, 0.25, 0.5, 1),
)  # log A, log B, log E, alpha, beta
QUALITY_GRID = ((0.01, 0.1, 0.2), (-0.3, -0.15, 0.15, 0.3))  # eps, zeta
SATURATING_GRID = (
    (5, 6, 7),
    (6500, 7000, 7500),
    (0.6, 0.5),
    (0.01, 0.5),
    (0.1, 0.2, 0.3),
    (0.1, 0.2, 0.3),
    (0.8, 0.6),
    (0.01,),
)  # A, B, E, Q, alpha, beta, kappa, eps


@dataclass
class Found:
    """Where the recipe stopped: the law, its objective, and the objective from every start."""

    law: dict[str, float]
    objective: float
    objectives: np.ndarray

    def with_law(self, law: dict[str, float]) -> "Found":
        """The same, of other parameters."""
        return replace(self, law=law)


def _minimised(
    loss: Callable[[np.ndarray], float],
    grid: Sequence[Sequence[float]],
    starts: Iterable[Sequence[float]] | None,
    progress: Progress,
) -> tuple[np.ndarray, float, np.ndarray]:
    """The best end, its objective, and all objectives, from `starts` or every point of a grid."""
    from scipy.optimize import minimize

    with np.errstate(all="ignore"):
        starts = list(itertools.product(*grid)) if starts is None else starts
        results = [minimize(loss, start, method="L-BFGS-B") for start in progress(starts)]
    values = np.array([r.fun if np.isfinite(r.fun) else np.inf for r in results])
    return results[int(np.argmin(values))].x, float(values.min()), values


def _mean_huber(terms: Sequence[Any], log_l: np.ndarray) -> float:
    """Of the sum of terms, given by their logarithms, (n,) each or numbers."""
    from scipy.special import logsumexp

    log_terms = np.array([np.broadcast_to(term, log_l.shape) for term in terms])
    return float(np.mean(huber(logsumexp(log_terms, axis=0) - log_l, DELTA)))


def base(
    params: np.ndarray,
    samples: np.ndarray,
    loss: np.ndarray,
    progress: Progress = iter,
    starts: Iterable[Sequence[float]] | None = None,
) -> Found:
    """Stage one of Approach 2 on rows of one data set, arrays (n,): A, alpha, B, beta, E at that
    data set's FID.
    """
    log_n, log_d, log_l = np.log(params), np.log(samples), np.log(loss)

    def mean_huber(x: np.ndarray) -> float:
        a, b, e, alpha, beta = x
        return _mean_huber([a - alpha * log_n, b - beta * log_d, e], log_l)

    x, value, values = _minimised(mean_huber, BASE_GRID, starts, progress)
    a, b, e, alpha, beta = x
    law = {"A": np.exp(a), "alpha": alpha, "B": np.exp(b), "beta": beta, "E": np.exp(e)}
    return Found({name: float(number) for name, number in law.items()}, value, values)


def quality(
    law: Mapping[str, float],
    base_fid: float,
    params: np.ndarray,
    samples: np.ndarray,
    fid: np.ndarray,
    loss: np.ndarray,
) -> Found:
    """Stage two: eps and zeta on other data sets, `law` of stage one held at `base_fid`.

    They act on log(1 + FID) - log(1 + base FID).
    """
    ell = np.log1p(fid) - np.log1p(base_fid)
    model = np.log(law["A"]) - law["alpha"] * np.log(params)
    data, floor = np.log(law["B"]) - law["beta"] * np.log(samples), np.log(law["E"])
    log_l = np.log(loss)

    def mean_huber(x: np.ndarray) -> float:
        eps, zeta = x
        return _mean_huber([model, data + zeta * ell, floor + eps * ell], log_l)

    (eps, zeta), value, values = _minimised(mean_huber, QUALITY_GRID, None, iter)
    return Found({"zeta": float(zeta), "eps": float(eps)}, value, values)


def saturating(
    params: np.ndarray,
    samples: np.ndarray,
    fid: np.ndarray,
    loss: np.ndarray,
    progress: Progress = iter,
    starts: Iterable[Sequence[float]] | None = None,
) -> Found:
    """Approach 3 on all rows, arrays (n,)."""
    log_n, log_l, ell = np.log(params), np.log(loss), np.log1p(fid)

    def mean_huber(x: np.ndarray) -> float:
        A, B, E, Q, alpha, beta, kappa, eps = x
        data = beta * np.log(B / samples + (Q * fid) ** (kappa / beta))
        return _mean_huber([data, np.log(E + eps * ell), np.log(A) - alpha * log_n], log_l)

    x, value, values = _minimised(mean_huber, SATURATING_GRID, starts, progress)
    names = ("A", "B", "E", "Q", "alpha", "beta", "kappa", "eps")
    return Found(dict(zip(names, map(float, x), strict=True)), value, values)


def stage(name: str, model: Residuals, found: Found, free: Sequence[int]) -> Stage:
    """What the recipe found as a stage of a fit; `model` has the law's coordinates."""
    theta = model.theta(found.law)[:, None]
    everything = {key: float(v[0]) for key, v in model.parameters(theta).items()}
    names, jacobian = log_derivatives(model, everything, free)
    return Stage(
        name=name,
        parameters=found.law,
        objective=found.objective,
        starts=len(found.objectives),
        reached=int((found.objectives <= found.objective * (1 + REACHED)).sum()),
        rows=len(model.target),
        free=names,
        jacobian=jacobian,
        residuals=model.residual(theta)[:, 0],
    )
