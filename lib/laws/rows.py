"""What all answers from a fit share: rows with an interval beside every number.

Every number `x` that a bootstrap draw changes comes with `x_low` and `x_high`, the 95 % percentile
interval over the fit's draws, or None where the fit has none.  "never" stands for no finite amount.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from advlib.errors import DataError
from advlib.laws.fit import Fit
from advlib.laws.intervals import Compute, answers

NEVER = "never"
ENDS = ("_low", "_high")  # of the columns of an interval
RANGE = ("_from", "_to")  # of the columns of a range between laws
PREDICTED = "predicted_"  # begins the columns that a law adds to a table's own
COUNTS = ("params", "samples")  # columns that hold whole numbers
LARGEST_COUNT = 2.0**53  # up to which a float counts in ones
# What each assumption decides: columns, or kinds of target
NEEDS = {
    "k": {"flops", "params", "samples", "a"},
    "accuracy": {"accuracy"},
    "sizes": {"params", "samples", "a", "loss", "accuracy"},
}
# Width from which an interval is remarked on, and the words for it
WIDE = {"a": (0.1, "exponent a"), "accuracy": (0.05, "accuracy")}


def fits_at_qualities(
    fits: Sequence[Fit], fids: Sequence[float], datasets: Sequence[str]
) -> Iterator[tuple[Fit, str, float]]:
    """Every fit at every quality asked for: the fit, the data set's name or "", the FID."""
    for fit in fits:
        for name, fid in fit.qualities(fids, datasets):
            yield fit, name, fid


def identity(fit: Fit, name: str, fid: float) -> dict[str, Any]:
    """The columns that say of which law, data set and FID a row speaks."""
    return {"approach": fit.approach, "variant": fit.variant, "dataset": name, "fid": fid}


def require_surface(fit: Fit, what: str) -> None:
    """DataError for a law that knows the loss at its optimum only, as Approach 1."""
    if not fit.form.surface:
        raise DataError(
            f"{fit.name}: approach {fit.approach} is a power law along the optimum; only approach "
            f"2 or 3 {what}"
        )


def answer_rows(fit: Fit, fid: float, compute: Compute, queries: Sequence[tuple]) -> list[dict]:
    """As `answers`, ready to print: "never" for infinities."""
    return [
        {key: _or_never(value) for key, value in row.items()}
        for row in answers(fit, fid, compute, queries)
    ]


def _or_never(value: float | None) -> Any:
    return NEVER if value is not None and math.isinf(value) else value


def with_whole_counts(row: dict) -> dict:
    """The row with counts and their intervals as whole numbers, where a float counts in ones."""
    return {
        name: round(value)
        if isinstance(value, float) and value < LARGEST_COUNT and stem(name) in COUNTS
        else value
        for name, value in row.items()
    }


def remarks(fits: Sequence[Fit], rows: Sequence[dict]) -> list[str]:
    """Remarks on answers in rows: on what was not fitted and decides numbers, on accuracies left
    empty, on draws that do not count, on wide intervals.
    """
    own = [_answered(row) for row in rows]
    keys = {stem(key) for row in own for key in row if row[key] is not None}
    keys |= {str(row.get("target")) for row in own}
    decides = [name for name, columns in NEEDS.items() if columns & keys]
    empty = any(row.get("accuracy", 0) is None for row in own)
    return [
        *assumed(fits, decides),
        *(("accuracy is empty where the line from loss to accuracy leaves 0 to 1",) * empty),
        *_lost_draws(fits, rows),
        *_wide_intervals(own),
    ]


def _answered(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a law says in a row, without what is a table's own."""
    found = {name: row[name] for name in row if name.startswith(PREDICTED)}
    return {name.removeprefix(PREDICTED): value for name, value in found.items()} or row


def assumed(fits: Sequence[Fit], decides: Sequence[str]) -> list[str]:
    """Remarks on what was not fitted, of the assumptions, keys of NEEDS, that decide numbers."""
    return [
        f"{fit.name}: approach {fit.approach}: {fit.assumptions[name]}"
        for fit in fits
        for name in decides
        if name in fit.assumptions
    ]


def _lost_draws(fits: Sequence[Fit], rows: Sequence[dict]) -> list[str]:
    """Remarks on draws that are no laws at a FID of the rows, and so count in no interval there."""
    out = []
    for fit in fits:
        for fid in dict.fromkeys(row["fid"] for row in rows if row.get("fid") is not None):
            if lost := len(fit.draws) - len(fit.draws_at(fid)):
                out.append(
                    f"{fit.name}: approach {fit.approach}: {lost} of {len(fit.draws)} draws have a"
                    f" floor below 0 at FID {fid:g}: left out"
                )
    return out


def stem(name: str) -> str:
    """The name of the number of which a column holds the value, or an end of its interval or range,
    for whatever model.
    """
    for end in (*ENDS, *RANGE):
        name = name.removesuffix(end)
    return name.removeprefix("model_")


def _wide_intervals(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Remarks on exponents and accuracies that the data leave wide open, the widest of each fit."""
    widest: dict[tuple, tuple[float, str]] = {}
    for row in rows:
        for key, (limit, what) in WIDE.items():
            low, high = (row.get(key + end) for end in ENDS)
            if not (isinstance(low, float) and isinstance(high, float) and high - low > limit):
                continue
            law = ""
            if "approach" in row:  # which rows of a table and one fit do not say
                law = f"approach {row['approach']} {row.get('variant', '')}".strip() + ": "
            text = f"{law}{what} {row[key]:.3f} is uncertain: 95 % interval {low:.3f} to {high:.3f}"
            widest[law, key] = max(widest.get((law, key), (0.0, "")), (high - low, text))
    return [text for _, text in widest.values()]
