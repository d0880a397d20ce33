"""The figure accuracy has the prediction interval of least squares."""

import numpy as np
import pytest
from making_fits import approx, bands, curve, fit3

from advlib.figures import kinds
from advlib.figures.accuracy import prediction_deviation


def test_accuracy_band_is_the_prediction_interval_of_least_squares():
    import statsmodels.api as sm

    from advlib.laws.fitting.accuracy_line import fit_line

    rng = np.random.default_rng(0)
    loss = rng.uniform(0.7, 1.0, 25)
    accuracy = 1.25 - 0.75 * loss + 0.003 * rng.standard_normal(25)
    line = fit_line(loss, accuracy)
    (axes,) = kinds.draw("accuracy", [fit3(accuracy_line=line)]).axes
    x, y = curve(axes, f"{line['intercept']:.3f}")
    assert y == approx(line["intercept"] + line["slope"] * x)
    truth = sm.OLS(accuracy, sm.add_constant(loss)).fit().get_prediction(sm.add_constant(x))
    ((_, low, high),) = bands(axes)
    edges = np.column_stack([low, high])
    assert edges == pytest.approx(truth.conf_int(obs=True, alpha=0.05))
    assert prediction_deviation({"slope": -0.7, "source": "published"}, x) is None
    assert not bands(kinds.draw("accuracy", [fit3()]).axes[0])
