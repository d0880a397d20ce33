"""Adversarial accuracy as a straight line in adversarial loss.

    accuracy = slope * loss + intercept      accuracy a fraction, loss in nats

Source: Bartoldson et al. 2024, App. F.2.2: ordinary least squares over the best checkpoints of the
runs on one data set (DG there).
"""

import numpy as np

from advlib.laws.document import PUBLISHED_LINE
from advlib.laws.fitting.selection import Chosen


def fit_line(loss, accuracy) -> dict:
    """Ordinary least squares of `accuracy` (n,) on `loss` (n,), n >= 3, by statsmodels.

    The result goes into a fit document: slope, intercept, their 95 % intervals, and what a
    prediction interval needs (residual deviation, mean and spread of the loss, degrees of freedom).
    """
    import statsmodels.api as sm

    result = sm.OLS(np.asarray(accuracy), sm.add_constant(np.asarray(loss))).fit()
    (intercept, slope), ((i_low, i_high), (s_low, s_high)) = result.params, result.conf_int(0.05)
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "source": "fitted",
        "slope_interval": [float(s_low), float(s_high)],
        "intercept_interval": [float(i_low), float(i_high)],
        "r2": float(result.rsquared),
        "rows": int(result.nobs),
        "residual_deviation": float(np.sqrt(result.mse_resid)),
        "loss_mean": float(np.mean(loss)),
        "loss_spread": float(np.sum((loss - np.mean(loss)) ** 2)),
    }


def accuracy_line(chosen: Chosen, base, request) -> tuple[dict, dict]:
    """The line over the best checkpoints of one data set (the base, or the best), if the table has
    accuracies for three or more of them; else the published one.  And its bootstrap draws.
    """
    table = chosen.table
    why = "no accuracies in the table"
    if "accuracy" in table and np.isfinite(table["accuracy"]).any():
        why = "too few accuracies for a line"
        rows = np.isfinite(table["accuracy"]) & ~chosen.held
        if "dataset" in table and rows.any():
            names = np.array(table["dataset"])
            fids = table["fid"] if "fid" in table else np.zeros(len(table))
            best = base or names[rows][np.argmin(np.where(np.isnan(fids), np.inf, fids)[rows])]
            rows &= names == best
        loss, accuracy = table["loss"][rows], table["accuracy"][rows]
        if len(np.unique(loss)) >= 3:
            line = fit_line(loss, accuracy)
            if line["slope"] < 0:
                return line, _line_draws(loss, accuracy, request.settings)
            why = "accuracy does not fall with loss in the table"
    request.notes.append(f"{why}: the published loss-to-accuracy line is used")
    return dict(PUBLISHED_LINE), {}


def _line_draws(loss, accuracy, settings) -> dict[str, list[float]]:
    rng = np.random.default_rng([settings.seed, 2])
    slopes, intercepts = [], []
    while len(slopes) < settings.bootstrap:
        rows = rng.integers(len(loss), size=len(loss))
        x, y = loss[rows], accuracy[rows]
        spread = np.sum((x - x.mean()) ** 2)
        if spread > 0:
            slope = float(np.sum((x - x.mean()) * (y - y.mean())) / spread)
            if slope < 0:
                slopes.append(slope)
                intercepts.append(float(y.mean() - slope * x.mean()))
    return {"slope": slopes, "intercept": intercepts}
