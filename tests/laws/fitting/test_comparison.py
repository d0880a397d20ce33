"""Which law extrapolates best."""

import numpy as np
import pytest

from advlib.laws.fitting.comparison import compare
from advlib.laws.fitting.settings import Settings

from paper import runs
from simulate import TRUTH2, TRUTH3, table


def test_comparison_prefers_the_law_that_made_the_data():
    rows = table(3, TRUTH3, noise=0.003, fids={"edm5": 35.54, "edm7": 6.79, "dg20": 1.65})
    ranked = compare(rows, [2, 3], Settings(quality=("edm5", "edm7"), base="dg20", bootstrap=0))
    assert ranked[0]["law"] == "approach 3"
    assert [row["best"] for row in ranked] == [True, False, False]
    assert len({row["rows"] for row in ranked}) == 1
    assert ranked[0]["mean_abs_log_error"] <= ranked[1]["mean_abs_log_error"]


def test_comparison_of_a_single_data_set_takes_the_plain_form():
    rows = table(2, TRUTH2, noise=0.003, fids={"dg20": 1.65})
    ranked = compare(rows, [1, 2], Settings(bootstrap=0))
    assert {row["law"] for row in ranked} == {"approach 1", "approach 2 plain"}


def test_comparison_holds_out_the_largest_runs():
    ranked = compare(runs(), [3], Settings(bootstrap=0))
    limit = float(ranked[0]["judged_by"].removeprefix("flops>"))
    assert ranked[0]["rows"] == pytest.approx(0.2 * 168, abs=15)
    assert limit > np.quantile(runs()["flops"], 0.7)
