"""The objective at the published parameters, and at the minimum that a fit claims."""

import numpy as np
import pytest

from advlib.laws.document import checked_fit
from advlib.laws.fitting.objective import huber
from advlib.laws.fitting.predictions import predicted

from paper import QUALITY, of_datasets, runs
from paper import published as paper_law


def mean_huber(law, rows):
    return huber(np.log(predicted(law, rows) / rows["loss"]), 1e-3).mean()


def test_objectives_at_the_published_parameters_are_the_papers_on_the_digitised_runs():
    rows = runs()
    assert len(rows) == 168
    assert len(of_datasets(rows, "dg20")) == 28
    assert mean_huber(paper_law(2), of_datasets(rows, "dg20")) == pytest.approx(2.178e-6, rel=5e-4)
    assert mean_huber(paper_law(2), of_datasets(rows, *QUALITY)) == pytest.approx(
        3.153e-6, rel=5e-4
    )
    assert mean_huber(paper_law(3), rows) == pytest.approx(3.724e-6, rel=5e-4)


def test_minimum_is_where_the_objective_says(documents_without_draws):
    document = documents_without_draws[3]
    (stage,) = document["stages"]
    assert mean_huber(checked_fit(document), runs()) == pytest.approx(stage["objective"])
