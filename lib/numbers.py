"""Numbers as people write them and as JSON holds them, and how sure a share is."""

import math
import re
from fractions import Fraction
from typing import Any

SUFFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
DECIMAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
NUMBER = re.compile(rf"({DECIMAL})([kKMGBT]?)(?:/({DECIMAL})([kKMGBT]?))?(%?)")
FRACTION = re.compile(rf"{DECIMAL}(?:/{DECIMAL})?")
WHOLE = re.compile(r"[+-]?[0-9]+")
LONGEST = 400  # characters of a number
NEAR, FAR = 1e-100, 1e100  # products and quotients of three such numbers are still numbers


def parse_number(text: str) -> float:
    """`1e22`, `366M`, `8/255`, `10%`, in digits from 0 to 9; ValueError otherwise.

    ZeroDivisionError for a quotient by 0.  What float64 has no number for is inf, or 0.
    """
    top, suffix, bottom, under, percent = _matched(NUMBER, text).groups()
    number = float(top) * SUFFIXES[suffix]
    if bottom is not None:
        number /= float(bottom) * SUFFIXES[under]
    return number / 100 if percent else number


def parse_fraction(text: str) -> Fraction:
    """`8/255`, `0.5`, exactly; ValueError for what is no such number, or none of float64."""
    _matched(FRACTION, text)
    top, _, bottom = text.strip().partition("/")
    for part in filter(None, (top, bottom)):  # before digits by the million are written out
        zero = not part.lower().partition("e")[0].strip("+-0.")
        if not math.isfinite(float(part)) or zero != (float(part) == 0):
            raise ValueError(text)
    return Fraction(top) / Fraction(bottom or 1)


def parse_whole(text: str) -> int:
    """`12`, in digits from 0 to 9; ValueError otherwise."""
    return int(_matched(WHOLE, text)[0])


def _matched(form: re.Pattern[str], text: str) -> re.Match[str]:
    found = form.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if not found:
        raise ValueError(text)
    return found


def can_compute(number: float) -> bool:
    """Whether a number is 0 or of a size from 1e-100 to 1e100, so that formulas stay in float64."""
    return number == 0 or NEAR <= abs(number) <= FAR


def finite_json(value: Any) -> Any:
    """A value of JSON with None for each NaN and infinity in it, which JSON cannot hold.

    Lists and dictionaries are copied, at any depth; tuples become lists.
    """
    if isinstance(value, dict):
        return {key: finite_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def wilson(right: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion, `right` of `count`."""
    from scipy.stats import binomtest

    interval = binomtest(right, count).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
