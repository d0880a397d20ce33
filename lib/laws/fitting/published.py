"""The study's own fitting recipe, for comparison: mean Huber, SciPy's L-BFGS-B with its default
tolerances and numerical gradients, from the official grids of starts, one start after another.

It stops early: a mean of order 1e-6 meets the default tolerance anywhere in the valley, and
Approach 3's B, of order 1e4 beside exponents of order 0.1, does not move at all.  That is what was
published.

Source: Bartoldson et al. 2024, App. F; official `scaling_law_utils.py`.
"""

import itertools
from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import minimize
from scipy.special import huber, logsumexp

DELTA = 1e-3
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

Progress = Callable[[Iterable], Iterable]


def _best(loss, starts, progress) -> tuple[np.ndarray, float, np.ndarray]:
    results = [minimize(loss, start, method="L-BFGS-B") for start in progress(starts)]
    values = np.array([r.fun if np.isfinite(r.fun) else np.inf for r in results])
    return results[int(np.argmin(values))].x, float(values.min()), values


def base(params, samples, loss, progress: Progress = iter, starts=None):
    """Stage one of Approach 2 on rows of one data set, arrays (n,).

    Returns A, alpha, B, beta, E at that data set's FID; the objective; and every start's objective.
    """
    log_n, log_d, log_l = np.log(params), np.log(samples), np.log(loss)

    def mean_huber(x):
        a, b, e, alpha, beta = x
        terms = np.array([a - alpha * log_n, b - beta * log_d, np.full(len(log_n), e)])
        return np.mean(huber(DELTA, logsumexp(terms, axis=0) - log_l))

    with np.errstate(all="ignore"):
        starts = list(itertools.product(*BASE_GRID)) if starts is None else starts
        (a, b, e, alpha, beta), value, values = _best(mean_huber, starts, progress)
    law = {"A": np.exp(a), "alpha": alpha, "B": np.exp(b), "beta": beta, "E": np.exp(e)}
    return {name: float(number) for name, number in law.items()}, value, values


def quality(law, base_fid, params, samples, fid, loss, progress: Progress = iter):
    """Stage two: eps and zeta on other data sets, `law` of stage one held at `base_fid`.

    Returns the two, acting on log(1 + FID) - log(1 + base FID); the objective; all objectives.
    """
    ell = np.log1p(fid) - np.log1p(base_fid)
    model = np.log(law["A"]) - law["alpha"] * np.log(params)
    data, floor = np.log(law["B"]) - law["beta"] * np.log(samples), np.log(law["E"])

    def mean_huber(x):
        eps, zeta = x
        terms = np.array([model, data + zeta * ell, floor + eps * ell])
        return np.mean(huber(DELTA, logsumexp(terms, axis=0) - np.log(loss)))

    starts = list(itertools.product(*QUALITY_GRID))
    (eps, zeta), value, values = _best(mean_huber, starts, progress)
    return {"zeta": float(zeta), "eps": float(eps)}, value, values


def saturating(params, samples, fid, loss, progress: Progress = iter, starts=None):
    """Approach 3 on all rows.  Returns its parameters, the objective, every start's objective."""
    log_n, log_l, ell = np.log(params), np.log(loss), np.log1p(fid)

    def mean_huber(x):
        A, B, E, Q, alpha, beta, kappa, eps = x
        data = beta * np.log(B / samples + (Q * fid) ** (kappa / beta))
        terms = np.array([data, np.log(E + eps * ell), np.log(A) - alpha * log_n])
        return np.mean(huber(DELTA, logsumexp(terms, axis=0) - log_l))

    with np.errstate(all="ignore"):
        starts = list(itertools.product(*SATURATING_GRID)) if starts is None else starts
        x, value, values = _best(mean_huber, starts, progress)
    names = ("A", "B", "E", "Q", "alpha", "beta", "kappa", "eps")
    return dict(zip(names, map(float, x), strict=True)), value, values
