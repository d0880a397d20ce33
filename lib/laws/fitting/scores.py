"""How well a fit predicts rows: R2, log error, coverage; and which law extrapolates best."""

from collections.abc import Sequence

import numpy as np

from advlib.laws.document import LEVEL, Fit
from advlib.laws.fitting.predictions import surface_losses
from advlib.runs.table import Table


def predicted(fit: Fit, table: Table) -> np.ndarray:
    """The loss, in nats, that the best law of `fit` gives each row, shape (n,); NaN where a law
    with quality meets a row without FID.
    """
    return _predict(fit, fit.best, table)


def _predict(fit, member, table):
    if fit.approach == 1:
        law = fit.law(member, 0.0)
        return law.l0 * table["flops"] ** -law.c
    fids = table["fid"] if fit.has_quality else np.zeros(len(table))
    return surface_losses(fit, member, table, fids)


def r_squared(observed: np.ndarray, guess: np.ndarray) -> float | None:
    """1 - RSS/TSS of the loss; None where the observations do not vary."""
    spread = np.sum((observed - observed.mean()) ** 2)
    if len(observed) < 2 or spread <= 0:
        return None
    return float(1 - np.sum((observed - guess) ** 2) / spread)


def score(fit: Fit, table: Table) -> dict:
    """Scores of a fit on rows it may not have seen: rows, r2, mean_abs_log_error, and coverage, the
    share of rows inside the 95 % prediction interval (None without draws).

    The interval takes each draw's law with a residual of the fit, for the scatter of single runs.
    """
    guess = predicted(fit, table)
    known = np.isfinite(guess)
    table, guess = table.take(np.flatnonzero(known)), guess[known]
    observed = table["loss"]
    if not len(observed):
        return {"rows": 0, "r2": None, "mean_abs_log_error": None, "coverage": None}
    coverage = None
    if fit.draws:
        scatter = np.array(fit.document.get("residuals") or [0.0])
        rng = np.random.default_rng(0)
        errors = rng.choice(scatter, (len(fit.draws), len(observed)))
        band = np.array([_predict(fit, member, table) for member in fit.draws]) * np.exp(-errors)
        low, high = np.quantile(band, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        coverage = float(np.mean((observed >= low) & (observed <= high)))
    return {
        "rows": len(observed),
        "r2": r_squared(observed, guess),
        "mean_abs_log_error": float(np.mean(np.abs(np.log(guess / observed)))),
        "coverage": coverage,
    }


def on_frontier(table: Table) -> np.ndarray:
    """Rows that no cheaper row of the same data set beats, shape (n,) bool: the only ones of which
    Approach 1, a law of the best loss for a budget, speaks.
    """
    keep = np.zeros(len(table), bool)
    names = np.array(table["dataset"] if "dataset" in table else [""] * len(table))
    for name in set(names.tolist()):
        rows = np.flatnonzero(names == name)
        rows = rows[np.lexsort((table["loss"][rows], table["flops"][rows]))]
        loss = table["loss"][rows]
        keep[rows] = loss <= np.minimum.accumulate(loss)
    return keep


def pooled(fits: Sequence[Fit], table: Table) -> dict:
    """`score` for laws that are for one data set each: each scores its own rows."""
    names = np.array(table["dataset"] if "dataset" in table else [""] * len(table))
    scores = []
    for fit in fits:
        own = fit.document["datasets"][0]["dataset"] if fit.approach == 1 else None
        rows = np.flatnonzero(names == own) if own is not None else np.arange(len(table))
        if len(rows):
            part = table.take(rows)
            scores.append((score(fit, part), part["loss"], predicted(fit, part)))
    scores = [entry for entry in scores if entry[0]["rows"]]
    if not scores:
        return {"rows": 0, "r2": None, "mean_abs_log_error": None, "coverage": None}
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
