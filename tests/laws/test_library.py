"""A fit as a notebook reads and asks it."""

import json

import pytest

from advlib.errors import DataError
from advlib.laws.document import parse_fits
from advlib.laws.library import read_fit

from paper import APPROACH2, APPROACH3, published


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
    assert read_fit(APPROACH2).optimum(1e22)["loss_low"] is None


def test_a_fit_is_read_from_a_file(tmp_path):
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(APPROACH3))
    assert read_fit(path).best == read_fit(str(path)).best == published(3).best
    path.write_text(json.dumps(APPROACH2) + "\n" + json.dumps(APPROACH3))
    assert [fit.approach for fit in parse_fits(path.read_bytes(), "two")] == [2, 3]
    with pytest.raises(DataError, match=r"fit.json: 2 fits; expected one"):
        read_fit(path)
