"""Numbers as people write them and as JSON holds them, and how sure a share is."""

import math
import re
from typing import Any

SUFFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([kKMGBT]?)")


def parse_number(text: str) -> float:
    """`1e22`, `366M`, `8/255`, `10%`; ValueError otherwise."""
    text = text.strip()
    if text.endswith("%"):
        return parse_number(text[:-1]) / 100
    if "/" in text:
        top, _, bottom = text.partition("/")
        return parse_number(top) / parse_number(bottom)
    found = NUMBER.fullmatch(text)
    if not found:
        raise ValueError(text)
    return float(found[1]) * SUFFIXES[found[2]]


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
