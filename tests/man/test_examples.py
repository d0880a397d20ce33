"""The examples of the manual print what its pages show."""

import subprocess

import pytest
from pages import PAGES

import manual

WIDTH = 77  # of lines in examples: a few columns past the edge of a terminal of 80, at most

each_page = pytest.mark.parametrize("page", sorted(PAGES))


@each_page
def test_examples_print_what_the_page_shows(sh, page):
    found = manual.page_examples(PAGES[page])
    for example in found:
        done = sh(example.command)
        assert not manual.failure(example, done), example.command
        difference = manual.difference(example.output, done.stdout.splitlines())
        assert not difference, f"$ {example.command}\n{difference}"
    assert found


@each_page
def test_examples_fit_a_terminal_and_paste(page):
    text = PAGES[page].read_text()
    lines = text.splitlines()
    for start, end in manual.blocks(text):
        for line in lines[start:end]:
            shown = manual.unescape(line)
            assert len(shown) <= WIDTH, shown
            assert manual.escape(shown) == line, "run tests/manual.py --update"


def test_differences_in_examples_are_seen():
    same = manual.difference
    assert same(["a 1.00000 b"], ["a  1.00400   b"]) is None
    assert same(["B [0.034, 1]"], ["B [0.034, 1]"]) is None
    assert same(["x 0.102"], ["x 0.103"]) is None  # one in the last of three digits
    assert same(["a 1.00000 b"], ["a 1.00700 b"])
    assert same(["x 0.10"], ["x 0.11"])
    assert same(["rows 28"], ["rows 29"])
    assert same(["edm20 1"], ["edm21 1"])
    assert same(["never"], ["1e22"])
    assert same(["a"], ["a", "b"])


def test_example_blocks_are_read_and_written():
    page = ".EX\n$ a \\-\\-b \\e\n  c <<X\n1\nX\nout\n$ d\n.EE\nText.\n.EX\nformat\n.EE\n"
    done = subprocess.CompletedProcess("", 0, "o-t\n", "")
    new = manual.updated(page, lambda command: done)
    assert new == page.replace("X\nout", "X\no\\-t").replace("$ d\n", "$ d\no\\-t\n")
    failed = subprocess.CompletedProcess("", 1, "", "why")
    with pytest.raises(ValueError, match="why"):
        manual.updated(page, lambda command: failed)
    for text in ("a-b 'c' `d` ^~ \\e", ".x", "\\(aq"):
        assert manual.unescape(manual.escape(text)) == text
