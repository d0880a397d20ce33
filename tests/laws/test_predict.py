"""Predictions for single runs: by sizes and by the rows of a table."""

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.laws.fitting.predictions import predict_table

from paper import runs


def test_a_table_is_predicted_like_its_rows_one_by_one(drawn):
    table = runs().take(np.arange(0, 168, 40))
    for row in predict_table([drawn], table):
        one = drawn.predict(row["params"], row["samples"], fid=row["fid"])
        for key in ("loss", "accuracy", "loss_low", "loss_high"):
            assert row[f"predicted_{key}"] == pytest.approx(one[key], rel=1e-12)


def test_prediction_intervals_are_wider_than_the_laws(drawn):
    one = drawn.predict(3e8, 3e8, fid=1.65)
    band = drawn.interval(lambda m: drawn.law(m, 1.65).loss(3e8, 3e8))
    assert one["loss_high"] - one["loss_low"] > band[1] - band[0]


def test_predicting_without_quality_names_the_row(drawn):
    table = runs().take(np.arange(2))
    del table.columns["dataset"], table.columns["fid"]
    with pytest.raises(DataError, match="no fid, and no dataset that the fit knows"):
        list(predict_table([drawn], table))
