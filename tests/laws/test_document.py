"""Fit documents: what is accepted, what is refused and how."""

import copy
import json

import pytest

from advlib.errors import DataError
from advlib.laws.document import checked_fit, parse_fits
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.settings import Settings

from paper import APPROACH2, APPROACH3, published, runs


@pytest.mark.parametrize("approach", [2, 3])
def test_a_fit_round_trips_through_json_exactly(approach):
    (document,) = documents(runs(), approach, Settings(bootstrap=20))
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again == document
    one, two = checked_fit(document, "one"), checked_fit(again, "two")
    assert one.best == two.best
    assert one.draws == two.draws
    assert len(one.draws) == 20


def test_the_published_fit_by_hand_needs_three_fields():
    assert set(APPROACH3) == {"format", "approach", "parameters"}
    fit = published(3)
    assert (fit.k, fit.draws) == (7822.0, [])
    assert fit.best.accuracy(0.5) == pytest.approx(1.2574949163 - 0.7495829295 / 2)


def test_reference_fid_moves_to_zero():
    fit = published(2)
    assert fit.best.parameters["B"] == pytest.approx(9.89, abs=0.005)
    assert fit.best.parameters["E"] == pytest.approx(0.48, abs=0.005)


def test_draws_are_at_the_reference_fid_like_the_parameters():
    draws = {name: [value] * 3 for name, value in APPROACH2["parameters"].items()}
    fit = checked_fit({**APPROACH2, "draws": draws}, "fit")
    assert [draw.parameters for draw in fit.draws] == [fit.best.parameters] * 3


def change(**fields):
    document = copy.deepcopy(APPROACH2)
    for key, value in fields.items():
        where = document
        *path, last = key.split("__")
        for step in path:
            where = where[step]
        where[last] = value
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected a fit that advfit wrote, found 'list'"),
        ({"format": "advls"}, "found 'advls'"),
        (change(version=2), "version 2"),
        (change(approach=4), "approach 4; expected 1, 2 or 3"),
        (change(approach=True), "approach True"),
        (change(approach=[2]), "approach [2]"),
        (change(approach=2.0), "approach 2.0"),
        (change(history=5), "history: found 5; expected a list of objects"),
        (change(history=["advfit"]), "history: found ['advfit']; expected a list of objects"),
        (
            change(parameters__A=1e-300),
            "parameters.A: found 1e-300; expected a number between 1e-300 and 1e+300",
        ),
        (change(parameters__beta=1e300), "parameters.beta: found 1e+300"),
        (change(parameters__B=10**400), "parameters.B: found 1000"),
        (
            change(parameters__eps=-1000),
            "eps: found -1000; expected a number of 100 or less in size",
        ),
        (change(parameters=[1]), "parameters: expected names and numbers"),
        (
            change(parameters__alpha=None),
            "parameters.alpha: found nothing; expected a number above 0",
        ),
        (change(parameters__alpha=-1), "parameters.alpha: found -1; expected a number above 0"),
        (change(parameters__A="7"), "parameters.A: found '7'"),
        (change(parameters__E=-0.1), "parameters.E: found -0.1; expected a number of 0 or above"),
        (change(parameters__gamma=1.0), "parameters.gamma: not of approach 2"),
        (change(k=0), "k: found 0; expected a number above 0"),
        (change(reference_fid=-1), "reference_fid: found -1"),
        (
            change(accuracy_line={"slope": 1, "intercept": 1}),
            "slope: found 1; expected a number below 0",
        ),
        (change(accuracy_line=3), "accuracy_line: expected slope and intercept"),
        (change(draws={"A": [1.0]}), "draws: no list for parameter"),
        (change(residuals={"a": 1}), "residuals: expected a list of numbers"),
        (
            change(draws={**{k: [v] for k, v in APPROACH2["parameters"].items()}, "A": [-1.0]}),
            "draws.A: found -1.0; expected a number above 0",
        ),
        (change(datasets=[{"dataset": "x", "fid": -2}]), "datasets.fid: found -2"),
    ],
)
def test_wrong_documents_are_refused_with_the_field(document, message):
    with pytest.raises(DataError) as caught:
        checked_fit(document, "fit.json")
    assert str(caught.value).startswith("fit.json: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"k": 1, "k": 2', "'k' comes twice"),
        (f'"k": {"9" * 400}', "is larger than any number of float64"),
        ('"k": 1e999', "1e999 is larger than any number of float64"),
        ('"k": NaN', "NaN is not a JSON number"),
    ],
)
def test_text_that_is_no_plain_json_is_refused(text, said):
    with pytest.raises(DataError, match=said) as caught:
        parse_fits(b'{"format": "advfit", %s}' % text.encode(), "fit.json")
    assert str(caught.value).startswith("fit.json: ")


def test_a_missing_parameter_is_named():
    document = change()
    del document["parameters"]["beta"]
    with pytest.raises(DataError, match=r"parameters.beta: found nothing"):
        checked_fit(document, "fit.json")


def test_draws_of_different_lengths_are_refused():
    draws = {name: [value] for name, value in APPROACH2["parameters"].items()}
    draws["A"] = [1.0, 2.0]
    with pytest.raises(DataError, match="different lengths"):
        checked_fit(change(draws=draws), "fit.json")
