"""Scores of a fit on rows."""

import pytest

from advlib.laws.fitting.predictions import predicted
from advlib.laws.fitting.scores import r_squared

from paper import of_datasets, runs
from paper import published as paper_law


@pytest.mark.parametrize(
    ("dataset", "r2"),
    [
        ("edm6", 0.825),
        ("edm7", 0.985),
        ("edm10", 0.990),
        ("edm20", 0.972),
        ("pfgmpp18", 0.971),
        ("dg20", 0.972),
    ],
)
def test_r2_of_the_published_law_is_the_papers(dataset, r2):
    rows = of_datasets(runs(drop_underfit=False), dataset)
    assert r_squared(rows["loss"], predicted(paper_law(2), rows)) == pytest.approx(r2, abs=5e-4)
