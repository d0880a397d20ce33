"""NumPy's names for plain floats, so that one formula serves a law and an array of laws.

A formula takes a namespace `xp`: this module, or numpy.  As there, overflow is inf, log 0 is -inf
and the logarithm of a negative number is NaN, without an error.
"""

import math

LARGEST_EXPONENT = 709.78  # of e, in float64

minimum = min
maximum = max


def exp(x: float) -> float:
    """e^x, inf past the largest float."""
    return math.exp(x) if x < LARGEST_EXPONENT else math.inf


def expm1(x: float) -> float:
    """e^x - 1, inf past the largest float."""
    return math.expm1(x) if x < LARGEST_EXPONENT else math.inf


def log(x: float) -> float:
    """The natural logarithm of x."""
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def log1p(x: float) -> float:
    """The natural logarithm of 1 + x."""
    if x > -1:
        return math.log1p(x)
    return -math.inf if x == -1 else math.nan


def logaddexp(x: float, y: float) -> float:
    """log(e^x + e^y) without overflow; either may be -inf."""
    if x < y:
        x, y = y, x
    return x if y == -math.inf else x + math.log1p(math.exp(y - x))


def where(condition: bool, x: float, y: float) -> float:
    """One of x and y, both of which were computed."""
    return x if condition else y


def clip(x: float, low: float, high: float) -> float:
    """The nearest number to x between the ends."""
    return min(high, max(low, x))


def all(condition: bool) -> bool:
    """Whether the condition holds everywhere."""
    return bool(condition)
