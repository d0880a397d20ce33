"""JSON as it is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.documents import parse_first_json, parse_json

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(
    st.recursive(LEAVES, lambda x: st.lists(x) | st.dictionaries(st.text("ab"), x), max_leaves=9)
)
def test_what_is_written_is_read(value):
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "'a' comes twice"),
        ('[{"x": {"y": 1, "y": 2}}]', "'y' comes twice"),
        ("[NaN]", "NaN is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ("1e999", "1e999 is larger than any number of float64"),
        ("-1e999", "-1e999 is larger"),
        ("9" * 400, "is larger than any number of float64"),
        ("9" * 5000, "is larger than any number of float64"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        ("[" * 100_000, "nested too deeply"),
        ("1 2", "more behind its end: '2'"),
        ("", "Expecting value"),
        (b"\xff", "can't decode byte"),
    ],
)
def test_what_cannot_be_computed_with_is_refused(text, said):
    with pytest.raises(ValueError, match=said) as raised:
        parse_json(text)
    assert len(str(raised.value)) < 200


def test_documents_come_one_after_another():
    text = ' {"a": 1}\n\n[2] '
    first, end = parse_first_json(text)
    assert (first, parse_first_json(text, end)[0]) == ({"a": 1}, [2])
