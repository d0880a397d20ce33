"""What all answers from a fit share: rows with an interval beside every number.

Every number `x` that a bootstrap draw changes comes with `x_low` and `x_high`, the 95 % percentile
interval over the fit's draws, or None where the fit has none.  "never" stands for no finite amount.
Standard library only.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from advlib.errors import DataError
from advlib.laws.document import Fit, percentile_interval

NEVER = "never"
WHOLE = 2.0**53
# Width from which an interval is remarked on, and the words for it
WIDE = {"a": (0.1, "exponent a"), "accuracy": (0.05, "accuracy")}


def each(fits: Sequence[Fit], fids, datasets) -> Iterator[tuple[Fit, str, float]]:
    """Every fit at every quality asked for: the fit, the data set's name or "", the FID."""
    for fit in fits:
        for name, fid in fit.qualities(fids, datasets):
            yield fit, name, fid


def head(fit: Fit, name: str, fid: float) -> dict:
    """The columns that say of which law, data set and FID a row speaks."""
    return {"approach": fit.approach, "variant": fit.variant, "dataset": name, "fid": fid}


def needs_surface(fit: Fit, what: str) -> None:
    """DataError for Approach 1, which knows the loss at its optimum only."""
    if fit.approach == 1:
        raise DataError(
            f"{fit.name}: approach 1 is a power law along the optimum; only approach 2 or 3 {what}"
        )


def answer(fit: Fit, fid: float, compute: Callable[..., dict[str, float]], *args) -> dict:
    """What `compute(law, member, *args)` returns for the best law, each number with its interval
    over the draws; `law` is that of `member` at `fid`.
    """
    draws = [compute(fit.law(member, fid), member, *args) for member in fit.draws]
    out = {}
    for key, value in compute(fit.law(fit.best, fid), fit.best, *args).items():
        out |= triple(key, value, [draw[key] for draw in draws])
    return out


def triple(key: str, value: float, draws: Sequence[float]) -> dict:
    """`value` under `key`, and its interval over `draws`."""
    low, high = percentile_interval(draws) if draws else (None, None)
    return {key: _finite(value), f"{key}_low": _finite(low), f"{key}_high": _finite(high)}


def _finite(value):
    return NEVER if value is not None and math.isinf(value) else value


def counts(row: dict, keys: Sequence[str] = ("params", "samples")) -> dict:
    """The row with `keys` and their intervals as whole numbers, where a float counts in ones."""
    stems = {name: name.removesuffix("_low").removesuffix("_high") for name in row}
    return {
        name: round(value)
        if isinstance(value, float) and value < WHOLE and stems[name] in keys
        else value
        for name, value in row.items()
    }


def wide_intervals(rows: Sequence[dict]) -> list[str]:
    """Remarks on exponents and accuracies that the data leave wide open, the widest of each fit."""
    widest: dict[tuple, tuple[float, str]] = {}
    for row in rows:
        for key, (limit, what) in WIDE.items():
            low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
            if not (isinstance(low, float) and isinstance(high, float) and high - low > limit):
                continue
            law = f"approach {row['approach']} {row.get('variant', '')}".strip()
            text = (
                f"{law}: {what} {row[key]:.3f} is uncertain: 95 % interval {low:.3f} to {high:.3f}"
            )
            widest[law, key] = max(widest.get((law, key), (0.0, "")), (high - low, text))
    return [text for _, text in widest.values()]
