"""The line from loss to accuracy."""

import numpy as np
import pytest
import statsmodels.api as sm
from fits import document

from advlib.laws.document import checked_fit
from advlib.laws.fitting.accuracy_line import fit_line

from paper import runs
from simulate import TRUTH2, table


def test_accuracy_line_is_the_least_squares_one_with_its_intervals():
    rows = table(2, TRUTH2, noise=0.003)
    rng = np.random.default_rng(0)
    rows.columns["accuracy"] = 1.25 - 0.75 * rows["loss"] + 0.002 * rng.standard_normal(len(rows))
    made = document(rows, approach=2, bootstrap=100)
    line = made["accuracy_line"]
    base = np.array(rows["dataset"]) == "dg20"
    slope, intercept = np.polyfit(rows["loss"][base], rows["accuracy"][base], 1)
    assert (line["slope"], line["intercept"]) == pytest.approx((slope, intercept), rel=1e-9)
    assert (line["source"], line["rows"]) == ("fitted", 40)
    low, high = line["slope_interval"]
    assert low < -0.75 < high
    drawn = np.quantile(made["draws"]["slope"], [0.025, 0.975])
    assert drawn == pytest.approx([low, high], abs=0.01)
    assert checked_fit(made).draws[0].slope == made["draws"]["slope"][0]


def test_without_accuracies_the_published_line_is_used_and_said():
    notes = []
    made = document(runs(), notes=notes)
    assert made["accuracy_line"]["source"] == "published"
    assert any("published loss-to-accuracy line" in note for note in notes)


@pytest.mark.parametrize("count", [3, 40])
def test_a_line_and_its_intervals_are_those_of_statsmodels(count):
    rng = np.random.default_rng(count)
    loss = rng.uniform(0.5, 1.0, count)
    accuracy = 1.25 - 0.75 * loss + 0.01 * rng.standard_normal(count)
    ours, theirs = fit_line(loss, accuracy), sm.OLS(accuracy, sm.add_constant(loss)).fit()
    assert [ours["intercept"], ours["slope"]] == pytest.approx(theirs.params, rel=1e-10)
    both = [ours["intercept_interval"], ours["slope_interval"]]
    assert np.array(both) == pytest.approx(theirs.conf_int(0.05), rel=1e-9)
    assert ours["r2"] == pytest.approx(theirs.rsquared, rel=1e-9)
    assert ours["residual_deviation"] == pytest.approx(np.sqrt(theirs.mse_resid), rel=1e-9)
