"""Fitting Approach 2 with interaction."""

import pytest
from fits import document, fit

from advlib.errors import DataError
from advlib.laws.document import checked_fit
from advlib.laws.fitting.comparison import compare
from advlib.laws.fitting.settings import Settings

from paper import INTERACTION, of_datasets, runs
from simulate import TRUTH_INTERACTION, table


@pytest.fixture(scope="module")
def paper_document():
    """The paper's runs with the law, without draws."""
    return document(runs(), 2, variant="interaction")


def test_the_papers_runs_determine_it(paper_document):
    (stage,) = paper_document["stages"]
    assert stage["objective"] < 4.3e-6 < 4.94e-6  # of the joint separable law on the same rows
    assert stage["starts_at_minimum"] > 0.5 * stage["starts"]
    assert stage["parameters"]["gamma"]["determined"]
    assert paper_document["parameters"] == pytest.approx(INTERACTION["parameters"], rel=1e-3)
    assert (paper_document["approach"], paper_document["variant"]) == (2, "interaction")


@pytest.mark.parametrize("gamma", [0.4, 1.0])
def test_noise_free_laws_are_recovered(gamma):
    truth = TRUTH_INTERACTION | {"gamma": gamma}
    found = fit(2, table(2, truth, variant="interaction"), variant="interaction")
    assert found.parameters == pytest.approx(truth, rel=1e-5)


def test_draws_are_laws():
    drawn = checked_fit(document(runs(), 2, variant="interaction", bootstrap=5))
    assert len(drawn.draws) == 5
    low, high = drawn.interval(lambda member: member.parameters["gamma"])
    assert 0 < low < high < 1


def test_it_is_compared_by_its_name():
    chosen = Settings(bootstrap=0)
    ranked = compare(runs(), [2, 3], chosen, ["interaction", "joint"])
    laws = {row["law"] for row in ranked}
    assert laws == {"approach 2 interaction", "approach 2 joint", "approach 3"}


def test_it_needs_several_fids_and_the_default_recipe():
    with pytest.raises(DataError, match="two or more FIDs"):
        fit(2, of_datasets(runs(), "dg20"), variant="interaction")
    with pytest.raises(DataError, match="no --interaction"):
        fit(2, runs(), variant="interaction", recipe="published")
