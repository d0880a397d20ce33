"""The study's rules of selection."""

import numpy as np

from advlib.laws.fitting import selection
from advlib.runs.table import Table

TABLE = Table(
    {
        "run": ["a", "a", "b", "c"],
        "dataset": ["dg20", "dg20", "edm5", "dg20"],
        "fid": np.array([1.65, 1.65, 35.54, 1.65]),
        "params": np.array([5e6, 5e6, 5e6, 3e8]),
        "samples": np.array([2e7, 3e7, 3e7, 3e7]),
        "planned_samples": np.array([6e7, 6e7, 3e7, 3e7]),
        "loss": np.array([0.9, 0.95, 0.8, np.nan]),
        "note": ["", "7", "12", "x"],
    },
    "t.csv",
)


def test_checkpoints_before_half_of_the_plan_are_left_out():
    assert selection.late_enough(TABLE).tolist() == [False, True, True, True]


def test_underfit_needs_all_three():
    assert selection.underfit(TABLE).tolist() == [True, True, False, False]
    planned = Table({**TABLE.columns, "planned_samples": np.full(4, 1e7)})
    assert not selection.underfit(planned).any()  # a 10M run sees 10.0352M images and stays


def test_best_checkpoint_of_each_run_is_the_one_of_least_loss():
    assert selection.best_checkpoints(TABLE).tolist() == [0, 2, 3]
