"""Logarithms of sums and differences of numbers that are known by their logarithms alone.

Terms of a law differ by hundreds of decades, where the numbers themselves are 0 or infinite in
float64.  Numbers are floats, or with xp=numpy arrays (see `scalars`).
"""

from typing import Any

SMALL = 1e-6  # below which two terms of a series are exact
LARGE = 30.0  # from which e^-x is lost beside 1


def log_expm1(log_x: Any, xp: Any) -> Any:
    """log(e^x - 1) of an x > 0 that is given by its logarithm."""
    x = xp.exp(log_x)
    middle = xp.log(xp.expm1(xp.clip(x, SMALL, LARGE)))
    large = x + xp.log1p(-xp.exp(-xp.maximum(x, SMALL)))
    return xp.where(x < SMALL, log_x + x / 2, xp.where(x > LARGE, large, middle))


def log1m_exp(x: Any, xp: Any) -> Any:
    """log(1 - e^x) of an x < 0; -inf at 0."""
    near = xp.log(-xp.expm1(xp.clip(x, -1.0, 0.0)))
    return xp.where(x > -1.0, near, xp.log1p(-xp.exp(xp.minimum(x, -1.0))))


def log_log1p_exp(x: Any, xp: Any) -> Any:
    """log(log(1 + e^x)): of how much a relative growth of e^x adds to a logarithm."""
    return xp.where(x < -LARGE, x, xp.log(xp.logaddexp(xp.maximum(x, -LARGE), 0.0)))
