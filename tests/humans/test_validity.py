"""Validity tables: made, read again, and compared between networks."""

import csv
import io

import paper_panel
import pytest
from small_panels import panel

from advlib.errors import DataError
from advlib.humans.judgements import gather
from advlib.humans.panel import NONE, panel_of
from advlib.humans.settings import Rule
from advlib.humans.validity import (
    COLUMNS,
    overlap_rows,
    read_validity,
    rows,
    summary,
    validity_of,
)


def read(text):
    return read_validity(io.BytesIO(text.encode()), "v.csv")


def test_the_studys_margins():
    some = panel_of(gather(paper_panel.answers()))
    assert summary(some, Rule()) == (
        "2629 images: 1902 valid, 727 invalid (27.65%): 284 deceptive, 443 ambiguous"
    )


def test_a_table_is_read_as_it_was_made():
    some = panel_of(gather(paper_panel.answers()))
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(row | {"valid": str(row["valid"]).lower()} for row in rows(some, Rule()))
    found, made = read(out.getvalue()), validity_of("v.csv", some, Rule())
    assert found == made and len(found.invalid) == 727


def test_votes_are_counted():
    guess = [[0, 0, 1, 0], [0, 1, NONE, 1], [1, 1, 2, 2]]
    some = panel(guess, label=[0, 0, 0], people=[1, 1, 1, 0], higher=[[1, 0, 0, 1]] + [[0] * 4] * 2)
    found = list(rows(some, Rule()))
    assert [(r["agree"], r["judges"], r["confident"]) for r in found] == [
        (3, 4, 1),
        (1, 3, 0),
        (0, 4, 0),
    ]
    assert [r["consensus"] for r in found] == ["a", "b", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,label\n1,a\n", "v.csv:1: no column 'valid' among image, label"),
        ("image,valid\n", "v.csv: a header but no images"),
        ("image,valid\n1,yes\n", "v.csv:2: column 'valid': found 'yes'; expected true or false"),
        ("image,valid\n1,true\n001,false\n", "v.csv:3: image '001' comes again; expected once"),
        ("image,valid,category\n1,true,deceptive\n", "v.csv:2: column 'category': found 'decep"),
        ("image,valid\n1\n", "v.csv:2: 1 cells; expected 2"),
    ],
)
def test_what_is_no_validity_table_is_refused(text, said):
    with pytest.raises(DataError) as caught:
        read(text)
    assert said in str(caught.value)


def test_networks_are_compared_on_the_images_that_both_were_judged_on():
    one = read("image,valid\n1,false\n2,false\n3,true\n4,true\n9,false\n")
    other = read("image,valid\n1,false\n2,true\n3,false\n4,true\n8,false\n")
    *alone, pair = overlap_rows([one, other])
    assert [(row["images"], row["invalid_first"]) for row in alone] == [(5, 3), (5, 3)]
    assert (pair["images"], pair["invalid_first"], pair["invalid_second"]) == (4, 2, 2)
    assert (pair["invalid_both"], pair["invalid_either"]) == (1, 3)
    assert pair["overlap"] == pytest.approx(1 / 3)
    assert pair["overlap_low"] < 1 / 3 < pair["overlap_high"]


def test_networks_of_different_test_sets_are_refused():
    one, other = read("image,label,valid\n1,a,false\n"), read("image,label,valid\n1,b,false\n")
    with pytest.raises(DataError, match=r"has the label 'b', in v.csv 'a'"):
        list(overlap_rows([one, other]))
