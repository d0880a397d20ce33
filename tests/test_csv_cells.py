"""CSV held in memory: which line a row begins in, and what is refused."""

import io

import pytest

from advlib.csv_cells import read_lines, require_width
from advlib.errors import DataError


def read(data: bytes):
    return read_lines(io.BytesIO(data), "t.csv", "a table")


def test_rows_carry_the_line_in_which_they_begin():
    data = b'\xef\xbb\xbfkey,text\r\n1,"two\r\nlines"\r\n\r\n2,\xc3\xa9\r\n'
    found = read(data)
    assert found == [(1, ["key", "text"]), (2, ["1", "two\r\nlines"]), (5, ["2", "é"])]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "t.csv: empty; expected a table"),
        (b"\n\n", "t.csv: empty; expected a table"),
        (b"\xff\xfe", "t.csv: not UTF-8 text; expected a table"),
    ],
)
def test_what_is_no_table_is_refused(data, said):
    with pytest.raises(DataError, match=f"^{said}$"):
        read(data)


def test_a_row_of_another_width_is_named_by_its_line():
    with pytest.raises(DataError, match=r"^t.csv:3: 1 cells; expected 2$"):
        require_width(read(b"1,2\n3,4\n5\n"), 2, "t.csv")
