"""Numbers as people write them and as JSON holds them."""

import json
import math
from fractions import Fraction

import pytest

from advlib.numbers import finite_json, parse_fraction, parse_number, parse_whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e22", 1e22), ("366M", 366e6), ("8/255", 8 / 255), ("10%", 0.1), (" 5k ", 5000.0)],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "x", "1e", "--1", "1,5", "1 0", "1_1.5", "１２", "٣", "nan", "inf", "1/1/1", "0x10", "²"],
)
@pytest.mark.parametrize("parse", [parse_number, parse_fraction, parse_whole])
def test_what_is_no_number_is_refused(parse, text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("text", ["10%%", "1k0", "5/2/3%", "1" * 5000])
def test_a_number_has_one_suffix_and_one_divisor(text):
    with pytest.raises(ValueError):
        parse_number(text)


def test_fractions_are_exact():
    assert parse_fraction("8/255") == Fraction(8, 255)
    assert parse_fraction("0.1") == Fraction(1, 10)
    assert parse_fraction("0e5") == 0


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "1/1e999999999"])
def test_a_fraction_beyond_float64_is_refused_at_once(text):
    with pytest.raises(ValueError):
        parse_fraction(text)


def test_json_holds_none_for_what_is_not_finite_at_any_depth():
    value = {"a": [1.5, math.nan, (math.inf, "x")], "b": {"c": -math.inf, "d": None, "e": True}}
    found = finite_json(value)
    assert found == {"a": [1.5, None, [None, "x"]], "b": {"c": None, "d": None, "e": True}}
    assert json.dumps(found, allow_nan=False)
    assert value["a"][2] == (math.inf, "x")
