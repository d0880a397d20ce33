"""Adversarial accuracy as a straight line in adversarial loss.

    accuracy = slope * loss + intercept      accuracy a fraction, loss in nats

Source: Bartoldson et al. 2024, App. F.2.2: ordinary least squares over the best checkpoints of the
runs on one data set (DG there).
"""

import numpy as np


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
