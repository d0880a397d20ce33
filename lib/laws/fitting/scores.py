"""How well a fit predicts rows: R2, log error, coverage of its prediction intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from advlib.laws.fit import Fit
from advlib.laws.fitting.observations import rows_of_dataset
from advlib.laws.fitting.predictions import predicted, row_predictions
from advlib.runs.table import Table

NONE: dict[str, Any] = {"rows": 0, "r2": None, "mean_abs_log_error": None, "coverage": None}


def r_squared(observed: np.ndarray, guess: np.ndarray) -> float | None:
    """1 - RSS/TSS of the loss; None where the observations do not vary."""
    spread = np.sum((observed - observed.mean()) ** 2)
    if len(observed) < 2 or spread <= 0:
        return None
    return float(1 - np.sum((observed - guess) ** 2) / spread)


def score(fit: Fit, table: Table) -> dict[str, Any]:
    """Scores of a fit on rows it may not have seen: rows, r2, mean_abs_log_error, and coverage, the
    share of rows inside the 95 % prediction interval (None without draws).
    """
    guess = predicted(fit, table)
    known = np.isfinite(guess)
    table, guess = table.take(np.flatnonzero(known)), guess[known]
    observed = table["loss"]
    if not len(observed):
        return dict(NONE)
    return {
        "rows": len(observed),
        "r2": r_squared(observed, guess),
        "mean_abs_log_error": float(np.mean(np.abs(np.log(guess / observed)))),
        "coverage": _coverage(fit, table) if fit.draws else None,
    }


def _coverage(fit: Fit, table: Table) -> float:
    """The share of rows whose loss lies inside its prediction interval."""
    fids = table["fid"] if fit.has_quality else np.zeros(len(table))
    found = row_predictions(fit, table, fids)
    low, high = (np.array([row[f"loss{end}"] for row in found]) for end in ("_low", "_high"))
    return float(np.mean((table["loss"] >= low) & (table["loss"] <= high)))


def pooled_score(fits: Sequence[Fit], table: Table) -> dict[str, Any]:
    """`score` for laws that are for one data set each: each scores its own rows."""
    scores = []
    for fit in fits:
        part = table
        if not fit.form.surface:
            own = fit.document["datasets"][0]["dataset"]
            part = table.take(np.flatnonzero(rows_of_dataset(table, [own])))
        if len(part):
            scores.append((score(fit, part), part["loss"], predicted(fit, part)))
    scores = [entry for entry in scores if entry[0]["rows"]]
    if not scores:
        return dict(NONE)
    if len(scores) == 1:
        return scores[0][0]
    counts = np.array([entry[0]["rows"] for entry in scores])
    observed, guess = (np.concatenate([e[i] for e in scores]) for i in (1, 2))
    covered = [entry[0]["coverage"] for entry in scores]
    return {
        "rows": int(counts.sum()),
        "r2": r_squared(observed, guess),
        "mean_abs_log_error": float(np.mean(np.abs(np.log(guess / observed)))),
        "coverage": None if None in covered else float(np.average(covered, weights=counts)),
    }
