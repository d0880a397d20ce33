"""Intervals: percentiles of draws, one at a time and all at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.laws import intervals, limits, optimal, predict, trade
from advlib.laws.intervals import percentile_interval


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_percentile_interval_is_numpys(values):
    assert percentile_interval(values) == pytest.approx(
        tuple(np.quantile(values, [0.025, 0.975])), rel=1e-9, abs=1e-9
    )


def test_intervals_hold_infinities():
    assert percentile_interval([1.0] * 50 + [math.inf] * 50)[1] == math.inf
    assert percentile_interval([1.0] * 99 + [math.inf]) == (1.0, 1.0)


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6) | st.just(math.inf), min_size=41, max_size=41),
        min_size=1,
        max_size=5,
    )
)
def test_percentiles_of_rows_are_those_of_each_row(rows):
    found = intervals._percentiles(np.array(rows))
    assert found == [percentile_interval(row) for row in rows]


ANSWERS = {
    "optima": lambda fit: optimal.optimum_rows([fit], [1e18, 1e22, 1e30], [0.0, 1.65, 35.54]),
    "predictions": lambda fit: predict.prediction_rows([fit], [1e6, 1e9], [1e6, 1e9], [0.0, 5.0]),
    "sizes": lambda fit: trade.trade_rows([fit], [1e20, 1e24], [0.01, 0.5, 1.0, 2.0]),
    "overheads": lambda fit: trade.smallest_rows([fit], [1e20, 1e24], [0.01, 0.1, 2.0]),
    "models": lambda fit: trade.fixed_size_rows([fit], [1e20, 1e24], [1e6, 1e9], [0.0, 1.65]),
    "ceilings": lambda fit: limits.ceiling_rows([fit]),
    "targets": lambda fit: limits.target_rows(
        [fit], [0.1, 0.55, 0.6, 0.9], [0.5, 0.8, 0.95], limits.Hardware(1e15, 2, 0.5), [0.0, 1.65]
    ),
    "qualities": lambda fit: limits.quality_rows([fit], [1e20, 1e24], [0.6], [0.5, 0.8]),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
@pytest.mark.parametrize("law", ["joint", "saturating"])
def test_all_draws_at_once_give_the_numbers_of_one_after_another(
    name, law, drawn_fits, monkeypatch
):
    fit = drawn_fits[law]
    monkeypatch.setattr(intervals, "FEW", 10**9)
    one_by_one = list(ANSWERS[name](fit))
    monkeypatch.setattr(intervals, "FEW", -1)
    together = list(ANSWERS[name](fit))
    assert len(one_by_one) == len(together) > 0
    for old, new in zip(one_by_one, together, strict=True):
        assert list(old) == list(new)
        for key, value in old.items():
            if isinstance(value, float):
                tolerance = 1e-9 if key.startswith(("fid", "size", "overhead")) else 1e-12
                assert new[key] == pytest.approx(value, rel=tolerance, abs=1e-11), key
            elif isinstance(value, int):
                assert new[key] == pytest.approx(value, rel=1e-12), key
            else:
                assert new[key] == value
