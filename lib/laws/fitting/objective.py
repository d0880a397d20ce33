"""What a fit minimises: the mean Huber loss of log residuals.

    sum_i w_i huber(r_i),    sum_i w_i = 1,    r = log L_hat - log L
    huber(r) = r^2/2 for |r| <= delta,    delta (|r| - delta/2) beyond

Source: Bartoldson et al. 2024, App. F; official code.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from advlib.laws.fitting.residuals import Residuals

NAME = "mean Huber of log residuals"


def huber(residual: np.ndarray, delta: float) -> np.ndarray:
    """Huber's loss, elementwise."""
    size = np.abs(residual)
    clipped = np.minimum(size, delta)
    return clipped * (size - 0.5 * clipped)


def objective(
    model: "Residuals", theta: np.ndarray, weights: np.ndarray, delta: float
) -> np.ndarray:
    """Weighted mean Huber loss of each column of `theta`; inf where the law is not positive.

    theta: (P, S), coordinates of `model` (see `residuals`).  weights: (n, 1) or (n, S).
    """
    with np.errstate(all="ignore"):
        value = (weights * huber(model.residual(theta), delta)).sum(axis=0)
    return np.where(np.isfinite(value), value, np.inf)


def huber_derivative(residual: np.ndarray, delta: float) -> np.ndarray:
    """Huber's loss derived by the residual, elementwise: it, no further from zero than delta."""
    return np.clip(residual, -delta, delta)
