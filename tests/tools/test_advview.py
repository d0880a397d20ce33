"""advview, the command: sheets in every format, by category, and what it refuses."""

import numpy as np
import pytest
from commands import inside
from sevenclasses import make, refused

from advlib.figures import contact_sheet
from advlib.shards.chunk import Chunk
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the set `made`, and `attacked`, of which a class is wrong."""
    folder = tmp_path_factory.mktemp("advview")
    image, label = make(folder)
    fields = {
        "adversarial": (image[:9] / 255).astype(np.float32),
        "prediction": np.arange(9) % 3,
    }
    with Writer(str(folder / "attacked"), classes=7) as writer:
        writer.write(Chunk(image[:9], label[:9], np.arange(9), fields))
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def test_a_sheet_is_coloured_by_a_column_of_a_table(run, folder):
    table = "key,category\n000000001,valid\n000000002,ambiguous\n000000500,deceptive\n"
    run("advview made --colour-by category -o sheet.svg", input=table)
    svg = (folder / "sheet.svg").read_text()
    assert all(word in svg for word in ("000000001", "valid", "ambiguous", "deceptive"))


def test_a_sheet_of_a_few_images_says_that_there_are_more(run, folder):
    done = run("advview made --first 5 --per-row 3 -o sheet.SVG")
    svg = (folder / "sheet.SVG").read_text()
    assert all(key in svg for key in ("000000000", "000000004")) and "000000005" not in svg
    assert done.stderr == "advview: note: showing the first 5 images; --first N shows more\n"


def test_formats_follow_the_suffix_and_standard_output_is_a_png(run, folder):
    run("advview made --first 3 -q -o sheet.pdf")
    assert (folder / "sheet.pdf").read_bytes().startswith(b"%PDF-")
    assert run("advview made --first 3 -q -o -").stdout_bytes.startswith(b"\x89PNG")


def test_more_categories_than_colours_are_said(run):
    run("advcut made --per-class 1 -o each.tar")
    done = run("advview each.tar --colour-by label -o sheet.png")
    assert "note: 7 categories share 5 colours" in done.stderr


def test_attacked_images_have_a_difference_that_is_magnified(run, folder):
    run("advview attacked --magnify 40 -o attacked.svg")
    assert "difference × 40" in (folder / "attacked.svg").read_text()


WRONG = {
    "advview made -o x.jpg": "expected a name that ends in .pdf, .png or .svg",
    "advview made --colour-by mood -o x.png": "empty; expected keys",
    "advview made --magnify 4 -o x.png": "made: no adversarial images, so no difference to",
    "advview made --magnify 0 -o x.png": "expected a number above 0",
    "advview made --per-row 0 -o x.png": "0 is not in the range",
    "advview --keys - -o x.png": "--keys: standard input cannot be both the set and the keys",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(run, folder, line):
    refused(run, line, WRONG[line], folder, input=b"")


@pytest.mark.parametrize("output", ["x.png", "x.pdf --per-row 1"])
def test_a_page_that_is_too_large_is_refused_before_all_is_read(run, monkeypatch, output):
    height, width, _ = open_set("made").shape
    monkeypatch.setattr(contact_sheet, "MOST_PIXELS", 8 * height * width)
    done = run(f"advview made -o {output}", status=2)
    assert f"9 images of {height}x{width}x3 on a page are too large to draw" in done.stderr
