"""Numbers as people write them, and how sure a share is."""

import re

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


def wilson(right: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion, `right` of `count`."""
    from scipy.stats import binomtest

    interval = binomtest(right, count).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
