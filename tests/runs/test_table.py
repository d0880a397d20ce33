"""Reading runs tables: what is right comes through exactly, what is wrong is named."""

import csv
import io
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advlib.errors import DataError
from advlib.runs.bundled import BUNDLED, open_bundled
from advlib.runs.reading import read_tables
from advlib.runs.table import Table
from advlib.runs.writing import csv_blocks

REQUIRED = ("params", "samples", "loss")
GOOD = "run,params,samples,loss\na,5849050,5e6,0.9\nb,8949210,1e7,0.8\n"


def read(*texts, renames=None):
    files = [
        (f"t{i}.csv", io.BytesIO(t if isinstance(t, bytes) else t.encode()))
        for i, t in enumerate(texts)
    ]
    return read_tables(files, renames or {}, REQUIRED)


def written(table):
    return "".join(csv_blocks(table))


def test_numbers_and_names_come_through():
    table = read(GOOD)
    assert table["run"] == ["a", "b"]
    assert table["params"].tolist() == [5849050.0, 8949210.0]
    assert (
        written(table) == "run,params,samples,loss\na,5849050,5000000,0.9\nb,8949210,10000000,0.8\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        GOOD.replace("a,", '"a",'),
        GOOD.replace("run,params", " run , params"),
        GOOD.replace("0.9", " 0.9 "),
    ],
)
def test_harmless_differences_are_harmless(text):
    assert written(read(text)) == written(read(GOOD))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t0.csv: empty"),
        ("\n\n", "t0.csv: empty"),
        ("run,params,samples,loss\n", "t0.csv: a header but no rows"),
        (
            GOOD.replace("0.8", "abc"),
            "t0.csv:3: column 'loss': found 'abc'; expected a number above 0",
        ),
        (GOOD.replace("0.8", "nan"), "t0.csv:3: column 'loss': found 'nan'"),
        (GOOD.replace("0.8", "inf"), "t0.csv:3: column 'loss': found 'inf'"),
        (GOOD.replace("0.8", "1_1.5"), "t0.csv:3: column 'loss': found '1_1.5'"),
        (GOOD.replace("0.8", "１２"), "t0.csv:3: column 'loss': found '１２'"),
        (
            GOOD.replace("0.8", "1e308"),
            "column 'loss': found '1e308'; expected a number from 1e-100 to 1e+100",
        ),
        (GOOD.replace("0.8", "1e-320"), "column 'loss': found '1e-320'"),
        (GOOD.replace("0.9", "-0.9"), "t0.csv:2: column 'loss': found '-0.9'"),
        (GOOD.replace("5849050", "0"), "t0.csv:2: column 'params': found '0'"),
        (GOOD.replace("1e7", ""), "t0.csv:3: column 'samples': found an empty cell"),
        (GOOD.replace("a,", ","), "t0.csv:2: column 'run': empty"),
        (
            GOOD.replace("loss", "lost"),
            "t0.csv:1: no column 'loss' among run, params, samples, lost",
        ),
        (GOOD.replace("run", "loss"), "t0.csv:1: column 'loss' appears 2 times"),
        (GOOD.replace(",0.8", ",0.8,9"), "t0.csv:3: 5 cells; expected 4"),
        (GOOD.replace(",0.8", ""), "t0.csv:3: 3 cells; expected 4"),
        (
            GOOD + "a,5849050,5e6,0.7\n",
            "t0.csv:4: run 'a' at 5000000 samples is already in t0.csv:2",
        ),
        (GOOD.encode() + b"c,1,\xff,1\n", "t0.csv:4: not UTF-8"),
        (b"PK\x03\x04\x00\x00" + b"\xff" * 100, "t0.csv: a zip archive; expected a CSV text file"),
        ("run,params,samples,loss\n" + "x" * (3 << 20), "t0.csv:2: a line of over 1 MiB"),
        (GOOD.replace("a,", '"a,'), "not CSV"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, message):
    with pytest.raises(DataError) as caught:
        read(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_line_numbers_count_quoted_line_breaks():
    text = 'run,note,params,samples,loss\na,"two\nlines",1,1,1\nb,,1,2,oops\n'
    with pytest.raises(DataError, match=r"t0.csv:4: column 'loss': found 'oops'"):
        read(text)


def test_accuracies_are_fractions():
    text = "run,params,samples,loss,accuracy\na,1,1,1,71.6\n"
    with pytest.raises(
        DataError, match=r"column 'accuracy': found '71.6'; expected a number from 0 to 1"
    ):
        read(text)


def test_duplicates_across_files_name_both():
    with pytest.raises(DataError, match=r"t1.csv:2: run 'a' .* already in t0.csv:2"):
        read(GOOD, "run,params,samples,loss\na,5849050,5e6,0.7\n")


def test_tables_join_by_name_and_fill_with_blanks():
    other = "loss,run,samples,params,note\n0.7,c,1e6,10,why not\n"
    assert written(read(GOOD, other)).splitlines()[1::2] == [
        "a,5849050,5000000,0.9,",
        "c,10,1000000,0.7,why not",
    ]


def test_other_column_names_are_read_by_renaming():
    table = read("N,D,L\n10,20,3\n", renames={"params": "N", "samples": "D", "loss": "L"})
    assert table["loss"].tolist() == [3.0]
    with pytest.raises(DataError, match=r"no column 'M' to read as 'params'"):
        read("N,D,L\n1,2,3\n", renames={"params": "M"})


def test_the_official_table_is_recognised():
    text = (
        "config,model,params,data,data_precise,data_source,FID,train_fraction,flops,CW_test_loss,"
        "CW_test_acc,auto_attack,seconds_per_example\n"
        "c1,wrn-28-4-swish,5.85,5,5.0176,vanilla7,6.79,0.5,1.1e17,0.95,0.55,54.2,1e-3\n"
    )
    table = read(text)
    row = {name: table[name][0] for name in table.columns}
    assert row["dataset"] == "edm7"
    assert row["params"] == pytest.approx(5.85e6)
    assert row["samples"] == pytest.approx(2.5088e6)
    assert row["planned_samples"] == pytest.approx(5e6)
    assert row["autoattack"] == pytest.approx(0.542)
    assert (row["run"], row["accuracy"], row["seconds_per_example"]) == ("c1", 0.55, "1e-3")


def test_official_table_errors_name_its_own_columns():
    text = "config,params,data_precise,train_fraction,CW_test_loss\nc1,5.85,5.0176,1.5,0.95\n"
    with pytest.raises(DataError, match=r"column 'train_fraction': found '1.5'"):
        read(text)


cells = st.floats(1e-100, 1e100) | st.integers(1, 10**14).map(float)
names = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(names, cells, cells, cells), min_size=1, max_size=20))
def test_writing_and_reading_again_changes_nothing(rows):
    run, params, samples, loss = zip(*rows, strict=True)
    table = Table(
        {
            "run": [f"{i}{name}" for i, name in enumerate(run)],
            "params": np.array(params),
            "samples": np.array(samples),
            "loss": np.array(loss),
        }
    )
    again = read(written(table))
    assert again["run"] == table["run"]
    for name in REQUIRED:
        assert again[name].tolist() == table[name].tolist()


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tables_pass_their_own_checks(name):
    label, stream = open_bundled(name)
    raw = stream.getvalue().decode()
    table = read_tables([(label, stream)], {}, REQUIRED)
    assert len(table) == {"paper": 220, "paper-envelope": 272, "paper-final": 7}[name]
    assert len(list(csv.reader(io.StringIO(raw)))) == len(table) + 1


def test_bundled_runs_obey_flops_equal_7822_n_d():
    table = read_tables([open_bundled("paper")], {}, REQUIRED)
    ratio = table["flops"] / (7822 * table["params"] * table["samples"])
    assert np.abs(ratio - 1).max() < 0.01


def test_a_binary_file_of_a_gigabyte_is_refused_without_reading_it():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += size
            assert self.given < 8 << 20, "read far into a file that is no table"
            return b"\x80" * size

    with pytest.raises(DataError, match=r"not UTF-8|over 1 MiB"):
        read_tables([("big.bin", Endless())], {}, REQUIRED)


def test_memory_is_bounded_by_the_columns():
    rows = 200_000
    body = "".join(f"r{i // 100},5849050,{i % 100 + 1},0.9\n" for i in range(rows))
    stream = io.BytesIO(("run,params,samples,loss\n" + body).encode())
    tracemalloc.start()
    table = read_tables([("big", stream)], {}, REQUIRED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == rows
    assert peak < 120 * rows + (40 << 20)
    assert math.isclose(table["samples"].sum(), rows * 50.5)
