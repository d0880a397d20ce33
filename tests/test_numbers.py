"""Numbers as people write them and as JSON holds them."""

import json
import math

import pytest

from advlib.numbers import finite_json, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e22", 1e22), ("366M", 366e6), ("8/255", 8 / 255), ("10%", 0.1), (" 5k ", 5000.0)],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "x", "1e", "--1", "1,5", "1 0"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError):
        parse_number(text)


def test_json_holds_none_for_what_is_not_finite_at_any_depth():
    value = {"a": [1.5, math.nan, (math.inf, "x")], "b": {"c": -math.inf, "d": None, "e": True}}
    found = finite_json(value)
    assert found == {"a": [1.5, None, [None, "x"]], "b": {"c": None, "d": None, "e": True}}
    assert json.dumps(found, allow_nan=False)
    assert value["a"][2] == (math.inf, "x")
