"""Numbers that follow from a fit, each with its interval over the fit's bootstrap draws.

A number is a function of a law, and is written once: `compute(law, member, *query)` returns floats
by name for one law and one query, or arrays for all draws and many queries (see `scalars`).
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advlib.laws.fit import Fit

LEVEL = 0.95  # of every interval: the central share of the draws
LOW, HIGH = (1 - LEVEL) / 2, (1 + LEVEL) / 2

Compute = Callable[..., dict[str, Any]]
Interval = tuple[float | None, float | None]

FEW = 5_000  # draws times queries that plain Python answers before NumPy is loaded
BLOCK = 100_000  # numbers in an array: what a core's cache holds of the dozen that a formula needs


def answers(fit: "Fit", fid: float, compute: Compute, queries: Sequence[tuple]) -> list[dict]:
    """For each query (floats), what `compute` returns for the best law at `fid`, each number `x`
    followed by `x_low` and `x_high`: its interval over the draws, None where there are none.
    """
    fit.require_law(fid)
    law, draws = fit.law(fit.best, fid), len(fit.draws_at(fid))
    found = [compute(law, fit.best, *query) for query in queries]
    intervals: list[dict[str, Interval]]
    if not draws:
        intervals = [dict.fromkeys(values, (None, None)) for values in found]
    elif draws * len(queries) <= FEW:
        intervals = _one_by_one(fit, fid, compute, queries)
    else:
        intervals = _all_at_once(fit, fid, compute, queries)
    return [
        {name: number for key in values for name, number in _triple(key, values[key], ends[key])}
        for values, ends in zip(found, intervals, strict=True)
    ]


def _triple(key: str, value: float, ends: Interval) -> list[tuple[str, Any]]:
    if math.isnan(value):  # an accuracy that the line does not have
        return [(key, None), (f"{key}_low", None), (f"{key}_high", None)]
    return [(key, value), (f"{key}_low", ends[0]), (f"{key}_high", ends[1])]


def _one_by_one(
    fit: "Fit", fid: float, compute: Compute, queries: Sequence[tuple]
) -> list[dict[str, Interval]]:
    """The interval of every number of each query, in plain Python."""
    pairs = [(fit.law(member, fid), member) for member in fit.draws_at(fid)]
    out: list[dict[str, Interval]] = []
    for query in queries:
        draws = [compute(law, member, *query) for law, member in pairs]
        out.append({key: percentile_interval([d[key] for d in draws]) for key in draws[0]})
    return out


def _all_at_once(
    fit: "Fit", fid: float, compute: Compute, queries: Sequence[tuple]
) -> list[dict[str, Interval]]:
    """As `_one_by_one`, by arrays (queries, draws), a block of queries at a time."""
    import numpy as np

    draws = len(fit.draws_at(fid))
    rows = max(1, BLOCK // draws)
    columns = [np.array(column)[:, None] for column in zip(*queries, strict=True)]
    out: list[dict[str, Interval]] = []
    with np.errstate(all="ignore"):  # infinities are answers here
        member = fit.drawn(fid, np)
        law = fit.law(member, fid, np)
        for first in range(0, len(queries), rows):
            shape = len(queries[first : first + rows]), draws
            found = compute(law, member, *(column[first : first + rows] for column in columns))
            ends = {key: _percentiles(np.broadcast_to(x, shape)) for key, x in found.items()}
            out += [{key: pairs[i] for key, pairs in ends.items()} for i in range(shape[0])]
    return out


def percentile_interval(values: Sequence[float]) -> tuple[float, float]:
    """The central share LEVEL of `values`, which may hold infinities; NaNs are left out."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return math.nan, math.nan
    return _quantile(ordered, LOW), _quantile(ordered, HIGH)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    return _between(ordered[below], ordered[min(below + 1, len(ordered) - 1)], place - below)


def _between(low: float, high: float, share: float) -> float:
    """Linear from `low` to `high`; between infinities the nearer end."""
    if low == high or math.isinf(high) or math.isinf(low):
        return low if share < 0.5 else high
    return low + share * (high - low)


def _percentiles(values: Any) -> list[tuple[float, float]]:
    """`percentile_interval` of each row of an array (rows, draws)."""
    import numpy as np

    if np.isnan(values).any():
        return [percentile_interval(row) for row in values.tolist()]
    last = values.shape[1] - 1
    places = [(math.floor(share * last), share * last % 1) for share in (LOW, HIGH)]
    kth = sorted({min(below + step, last) for below, _ in places for step in (0, 1)})
    ordered = np.partition(values, kth, axis=1)
    ends = [
        [
            _between(low, high, share)
            for low, high in ordered[:, [below, min(below + 1, last)]].tolist()
        ]
        for below, share in places
    ]
    return list(zip(*ends, strict=True))
