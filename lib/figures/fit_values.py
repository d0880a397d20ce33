"""What figures read from fits: axes of budgets, bands over draws, qualities, names in legends."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.figures.fit_runs import runs_of_fit
from advlib.figures.style import plain_label
from advlib.laws.fit import Fit, Member
from advlib.laws.intervals import percentile_interval

POINTS = 41  # along a curve

HIGHEST = 1e100  # FLOPs; Matplotlib has no ticks near the largest float

DRAWS = 1000  # of a band; every second of 2000 draws, and so on


def budget_axis(flops: Sequence[float] | None, low: float, high: float) -> np.ndarray:
    """FLOPs along an axis, (n,): between the least and the greatest of `flops`, at its very numbers
    where there are more than two; from `low` to `high` without it.
    """
    ends = sorted(set(flops)) if flops else [low, high]
    if len(ends) < 2:
        raise DataError(f"found the one budget {ends[0]:g}; an axis of FLOPs needs two or more")
    if ends[-1] > HIGHEST:
        raise DataError(
            f"found a budget of {ends[-1]:g} FLOPs; an axis ends at {HIGHEST:g} or less"
        )
    return np.geomspace(ends[0], ends[1], POINTS) if len(ends) == 2 else np.array(ends)


def least_flops(fits: Sequence[Fit], otherwise: float) -> float:
    """The smallest budget among the runs behind the fits."""
    tables = [table for fit in fits if (table := runs_of_fit(fit)) is not None]
    found = [np.nanmin(t["flops"]) for t in tables if "flops" in t and not _empty(t["flops"])]
    return float(min(found, default=otherwise))


def _empty(column: np.ndarray) -> bool:
    """Whether a column of numbers holds none."""
    return bool(np.isnan(column).all())


def draws_band(
    fit: Fit, fid: float, xs: np.ndarray, read: Callable[[Member, Any, float], float]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The 95 % interval over the draws of read(member, its law at `fid`, x), at each of `xs` (n,):
    two (n,), or None where the fit has no draws.
    """
    draws = fit.draws_at(fid)
    if not draws:
        return None
    members = draws[:: -(-len(draws) // DRAWS)]
    pairs = [(member, fit.law(member, fid)) for member in members]
    edges = [percentile_interval([read(m, law, x) for m, law in pairs]) for x in xs.tolist()]
    low, high = np.array(edges).T
    return low, high


def shown_qualities(
    fit: Fit, fids: Sequence[float] = (), datasets: Sequence[str] = (), every: bool = False
) -> list[tuple[str, float]]:
    """Name and FID as asked for; else the best data set (or `every` one), and perfect data."""
    chosen = fit.qualities(fids, datasets)
    if fids or datasets or not fit.has_quality:
        return chosen
    if every and fit.fids:
        chosen = list(fit.fids.items())
    return [("", 0.0), *(pair for pair in chosen if pair[1] > 0)]


def recorded_number(fit: Fit, *path: str) -> float | None:
    """A number of the fit document that advfit wrote and a person may not have."""
    found: Any = fit.document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if type(found) in (int, float) else None


def only_fit(fits: Sequence[Fit], kind: str) -> Fit:
    """The only fit; DataError where there are several."""
    if len(fits) != 1:
        raise DataError(f"{kind} shows one fit; found {len(fits)}")
    return fits[0]


def require_approach(fits: Sequence[Fit], kind: str, *approaches: int) -> None:
    """DataError for a fit of another approach than the figure is about."""
    for fit in fits:
        if fit.approach not in approaches:
            wanted = " or ".join(map(str, approaches))
            raise DataError(f"{fit.name}: approach {fit.approach}; {kind} needs approach {wanted}")


def fit_names(fits: Sequence[Fit]) -> list[str]:
    """A name for each fit, as long as it takes to tell them apart."""
    short = [f"approach {fit.approach}" for fit in fits]
    variants = [
        f"{s}, {fit.document.get('variant') or fit.name}"
        for s, fit in zip(short, fits, strict=True)
    ]
    names = [v if short.count(s) > 1 else s for s, v in zip(short, variants, strict=True)]
    return [
        plain_label(f"{name}, {fit.name}" if names.count(name) > 1 else name)
        for name, fit in zip(names, fits, strict=True)
    ]


def quality_name(name: str, fid: float) -> str:
    """`dg20 (FID 1.65)`, `FID 5`, or `perfect data (FID 0)`."""
    if fid != fid:
        return plain_label(name)
    if not name:
        return "perfect data (FID 0)" if fid == 0 else f"FID {fid:g}"
    return f"{plain_label(name)} (FID {fid:g})"
