"""Bootstrap: what is drawn, and that a draw is the fit of its rows."""

import numpy as np
import pytest
from fits import fit, ordered

from advlib.laws.fitting import approach2
from advlib.laws.fitting.bootstrap import resample
from advlib.laws.fitting.settings import Settings

from paper import of_datasets, runs


def test_bootstrap_draw_is_the_fit_of_its_resampled_table():
    rows = ordered(of_datasets(runs(), "dg20"))
    settings = Settings(variant="plain", bootstrap=5, seed=3)
    draws = approach2.fit(rows, settings).draws
    counts = resample(rows, settings.draws, settings.seed)
    for draw in range(5):
        again = rows.take(np.repeat(np.arange(len(rows)), counts[:, draw].astype(int)))
        refit = approach2.fit(again, Settings(variant="plain", bootstrap=0)).parameters
        assert {name: draws[name][draw] for name in refit} == pytest.approx(refit, rel=1e-4)


def test_bootstrap_resamples_within_data_sets_and_is_repeatable():
    rows = ordered(runs())
    counts = resample(rows, 50, 7)
    names = np.array(rows["dataset"])
    for name in set(names.tolist()):
        assert (counts[names == name].sum(axis=0) == (names == name).sum()).all()
    assert (counts == resample(rows, 50, 7)).all()
    assert not (counts == resample(rows, 50, 8)).all()


def test_intervals_are_wide_on_the_base_rows_as_a_quick_bootstrap_said():
    draws = fit(2, of_datasets(runs(), "dg20"), variant="plain", bootstrap=400).draws
    a = np.array(draws["beta"]) / (np.array(draws["alpha"]) + np.array(draws["beta"]))
    low, high = np.quantile(a, [0.025, 0.975])
    assert low == pytest.approx(0.37, abs=0.05)
    assert high == pytest.approx(0.79, abs=0.08)
