"""Fits in memory: qualities, and the questions that a notebook asks."""

import pytest

from advlib.errors import DataError
from advlib.laws.document import read_fit

from paper import APPROACH2, published


def test_quality_is_chosen_by_name_or_number_or_the_best():
    document = dict(
        APPROACH2, datasets=[{"dataset": "edm5", "fid": 35.54}, {"dataset": "dg20", "fid": 1.65}]
    )
    fit = read_fit(document, "fit")
    assert fit.qualities((), ()) == [("dg20", 1.65)]
    assert fit.qualities((0.0, 1.65), ("edm5",)) == [("edm5", 35.54), ("", 0.0), ("dg20", 1.65)]
    with pytest.raises(DataError, match="no data set 'nope'; this fit has dg20, edm5"):
        fit.qualities((), ("nope",))


def test_a_law_without_quality_takes_no_fid():
    parameters = {k: v for k, v in APPROACH2["parameters"].items() if k not in ("eps", "zeta")}
    fit = read_fit({"format": "advfit", "approach": 2, "parameters": parameters}, "fit")
    assert fit.qualities((), ())[0][0] == ""
    with pytest.raises(DataError, match="knows no quality"):
        fit.qualities((1.0,), ())


def test_a_fit_answers_with_values_and_intervals(drawn):
    best = drawn.optimum(1e22, dataset="dg20")
    assert drawn.k * best["params"] * best["samples"] == pytest.approx(1e22, rel=1e-6)
    assert best["params_low"] < best["params"] < best["params_high"]
    run = drawn.predict(best["params"], best["samples"], fid=1.65)
    assert run["loss"] == pytest.approx(best["loss"], rel=1e-9)
    assert run["loss_low"] < run["loss"] < run["loss_high"]
    ceiling = drawn.ceiling()
    assert ceiling["accuracy_low"] < ceiling["accuracy"] < ceiling["accuracy_high"]
    assert ceiling["accuracy"] > drawn.ceiling(fid=1.65)["accuracy"] > best["accuracy"]


def test_without_draws_answers_have_no_intervals():
    assert published(2).optimum(1e22)["loss_low"] is None
