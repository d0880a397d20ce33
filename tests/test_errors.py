"""Text from files, as messages show it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import CannotError, DataError, one_line, printable

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@given(ANY)
def test_nothing_in_a_message_moves_a_cursor_or_ends_a_line(text):
    assert printable(text).isprintable() and one_line(text).isprintable()
    assert str(DataError(text)).isprintable() and str(CannotError(text)).isprintable()


@given(ANY)
def test_what_can_be_seen_stays(text):
    seen = "".join(c for c in text if c.isprintable())
    assert printable(seen) == seen


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb\0", r"a\r\nb\x00"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("caf\udce9", r"caf\udce9"),
        ("naïve $5 猫", "naïve $5 猫"),
    ],
)
def test_escapes_are_those_of_python(text, shown):
    assert printable(text) == shown
