"""Adversarial accuracy as a straight line in adversarial loss.

    accuracy = slope * loss + intercept      accuracy a fraction, loss in nats

Source: Bartoldson et al. 2024, App. F.2.2: ordinary least squares over the best checkpoints of the
runs on one data set (DG there).
"""

from typing import Any

import numpy as np

from advlib.laws.fit import PUBLISHED_LINE
from advlib.laws.fitting.bootstrap import line_draws
from advlib.laws.fitting.observations import rows_of_dataset
from advlib.laws.fitting.selection import Chosen
from advlib.laws.fitting.settings import Settings
from advlib.laws.intervals import HIGH
from advlib.runs.table import Table

LEAST = 3  # different losses that a line needs


def fit_line(loss: np.ndarray, accuracy: np.ndarray) -> dict[str, Any]:
    """Ordinary least squares of `accuracy` (n,) on `loss` (n,), n >= 3.

    The result goes into a fit document: slope, intercept, their 95 % intervals, and what a
    prediction interval needs (residual deviation, mean and spread of the loss, degrees of freedom).
    """
    from scipy.special import stdtrit

    count, mean = len(loss), np.mean(loss)
    spread = np.sum((loss - mean) ** 2)
    slope = np.sum((loss - mean) * (accuracy - np.mean(accuracy))) / spread
    intercept = np.mean(accuracy) - slope * mean
    rest = np.sum((accuracy - intercept - slope * loss) ** 2)
    deviation = np.sqrt(rest / (count - 2))
    width = stdtrit(count - 2, HIGH) * deviation  # Student's t
    slope_error = width / np.sqrt(spread)
    intercept_error = width * np.sqrt(1 / count + mean**2 / spread)
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "source": "fitted",
        "slope_interval": [float(slope - slope_error), float(slope + slope_error)],
        "intercept_interval": [
            float(intercept - intercept_error),
            float(intercept + intercept_error),
        ],
        "r2": float(1 - rest / np.sum((accuracy - np.mean(accuracy)) ** 2)),
        "rows": count,
        "residual_deviation": float(deviation),
        "loss_mean": float(mean),
        "loss_spread": float(spread),
    }


def accuracy_line(
    chosen: Chosen, base: str | None, settings: Settings, notes: list[str]
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """The line over the best checkpoints of one data set (the base, or the best), if the table has
    accuracies for three or more of them; else the published one.  And its bootstrap draws.
    """
    table = chosen.table
    why = "no accuracies in the table"
    if "accuracy" in table and np.isfinite(table["accuracy"]).any():
        why = "too few accuracies for a line"
        rows = np.isfinite(table["accuracy"]) & ~chosen.held
        if "dataset" in table and rows.any():
            rows &= rows_of_dataset(table, [base or _best_dataset(table, rows)])
        loss, accuracy = table["loss"][rows], table["accuracy"][rows]
        if len(np.unique(loss)) >= LEAST:
            line = fit_line(loss, accuracy)
            if line["slope"] < 0:
                return line, line_draws(loss, accuracy, settings.draws, settings.seed)
            why = "accuracy does not fall with loss in the table"
    notes.append(f"{why}: the published loss-to-accuracy line is used")
    return dict(PUBLISHED_LINE), {}


def _best_dataset(table: Table, rows: np.ndarray) -> str:
    """The data set of the lowest FID among some rows, (n,) bool."""
    fids = table["fid"] if "fid" in table else np.zeros(len(table))
    return table.names("dataset")[rows][np.argmin(np.where(np.isnan(fids), np.inf, fids)[rows])]
