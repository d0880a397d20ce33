"""Grids of runs: names, and what cannot be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import DataError
from advlib.numbers import parse_number
from advlib.studies.grid import DataSet, Grid, Run, count_word, product, run_name

SETS = {"digits": DataSet("digits", ("train",))}


@given(st.integers(1, 10**12) | st.sampled_from([5e6, 1e7, 3e8, 10.0352e6, 1.5]))
def test_the_word_of_a_count_reads_back_to_it(count):
    assert parse_number(count_word(count)) == count


def test_counts_are_written_as_the_study_does():
    assert [count_word(n) for n in (5e6, 10e6, 1e9, 800, 1500)] == [
        "5M",
        "10M",
        "1B",
        "800",
        "1.5k",
    ]
    assert run_name("wrn-82-4", "edm5", 10e6) == "wrn-82-4_edm5_10M"


def test_a_product_has_each_combination_once():
    runs = product(["wrn-10-1", "WRN-16-1"], [100, 200, 300], ["a", "b"], [0, 1], {"beta": 3})
    assert len({run.name for run in runs}) == len(runs) == 24
    assert {(r.model, r.samples, r.dataset, r.seed) for r in runs} == {
        (m, d, s, k)
        for m in ("wrn-10-1", "wrn-16-1")
        for d in (100, 200, 300)
        for s in "ab"
        for k in (0, 1)
    }
    assert runs[0].settled().beta == 3


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([], "a grid of no runs"),
        ([Run("a", "wrn-10-1", "digits", 1e3), Run("a", "wrn-16-1", "digits", 1e3)], "comes twice"),
        ([Run("../a", "wrn-10-1", "digits", 1e3)], "expected a name of letters"),
        ([Run("-a", "wrn-10-1", "digits", 1e3)], "expected a name of letters"),
        ([Run("a", "vgg", "digits", 1e3)], "model: found 'vgg'"),
        ([Run("a", "wrn-10-1", "svhn", 1e3)], "no data set 'svhn' among digits; give it as --data"),
        ([Run("a", "wrn-10-1", "digits", 0)], "run a: samples: found 0"),
        ([Run("a", "wrn-10-1", "digits", 9, 0, {"loss": "clean", "beta": 2.0})], "run a: beta: "),
    ],
)
def test_what_is_no_grid_is_refused(runs, said):
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        Grid(tuple(runs), SETS)
