"""Conditions on the columns of a table."""

import numpy as np
import pytest

from advlib.conditions import parse_comparison
from advlib.errors import DataError
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


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("params<1e8", [0, 1, 2]),
        ("params >= 3e8", [3]),
        ("params>=300M", [3]),
        ("dataset=dg20", [0, 1, 3]),
        ("dataset==dg20", [0, 1, 3]),
        ("dataset != dg20", [2]),
        ("loss>0", [0, 1, 2]),  # an empty cell is neither above nor below
        ("loss<=0.9", [0, 2]),
        ("samples=planned_samples", [2, 3]),  # a column against another
        ("samples<planned_samples", [0, 1]),
        ("note>8", [2]),  # unknown columns are text, compared as numbers where they are numbers
    ],
)
def test_conditions(text, kept):
    assert np.flatnonzero(TABLE.where([parse_comparison(text)])).tolist() == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params", "expected COLUMN<VALUE"),
        ("<3", "expected COLUMN<VALUE"),
        ("params<", "expected COLUMN<VALUE"),
        ("size<3", "no column 'size'"),
        ("params<many", "holds numbers; found 'many'"),
        ("dataset<dg20", "compared with = and != only"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(text, message):
    with pytest.raises(DataError, match=message):
        TABLE.where([parse_comparison(text)])
