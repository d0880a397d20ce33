"""Training logs as runs tables."""

import io
import json
import re

import numpy as np
import pytest

from advlib.errors import DataError
from advlib.runs.columns import REQUIRED
from advlib.runs.logs import is_log, table_of_log, with_fid
from advlib.runs.reading import read_tables
from advlib.runs.writing import csv_blocks

HEADER = {
    "event": "header",
    "format": "advlog",
    "version": 1,
    "run": "a",
    "dataset": "edm20",
    "fid": 1.82,
    "params": 5849050,
    "planned_samples": 5017600,
    "model": {"model": "wrn-28-4"},
}
SCORES = {"accuracy": 0.5, "loss": 1.1, "clean_accuracy": 0.8, "clean_loss": 0.6}


def evaluation(samples, **extra):
    return {"event": "evaluation", "samples": samples, "flops": samples * 4.6e10, **SCORES, **extra}


def log(*rows, header=HEADER, tail=b""):
    text = "".join(json.dumps(row) + "\n" for row in (header, *rows))
    return io.BufferedReader(io.BytesIO(text.encode() + tail))


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"loss": 1e308}, "log:2: loss: found 1e+308; expected a number"),
        ({"loss": 1e-320}, "log:2: loss: found 1e-320; expected a number"),
        ({"loss": True}, "log:2: loss: found True; expected a number"),
    ],
)
def test_scores_that_cannot_be_computed_with_are_refused(extra, said):
    with pytest.raises(DataError, match=re.escape(said)):
        table_of_log(log(evaluation(1e6, **extra)), "log")


@pytest.mark.parametrize("tail", [b"[" * 99_999, b'{"event": 1, "event": 2}', b'{"event": NaN}'])
def test_rows_that_are_no_plain_json_are_refused(tail):
    with pytest.raises(DataError, match="log:3: not a row of a training log"):
        table_of_log(log(evaluation(1e6), tail=tail + b"\n"), "log")


@pytest.mark.parametrize("key", ["params", "planned_samples", "fid"])
@pytest.mark.parametrize("value", [1e300, True, [1]])
def test_headers_that_cannot_be_computed_with_are_refused(key, value):
    with pytest.raises(DataError, match=f"log:1: {key}: found .*; expected a number"):
        table_of_log(log(evaluation(1e6), header=HEADER | {key: value}), "log")


def test_every_evaluation_after_the_start_becomes_a_row():
    step = {"event": "step", "step": 3, "loss": 2.0}
    table = table_of_log(log(evaluation(0), step, evaluation(1e6), evaluation(5e6)), "log")
    assert table["samples"].tolist() == [1e6, 5e6] and table["run"] == ["a", "a"]
    assert table["flops"].tolist() == [4.6e16, 2.3e17] and table["model"] == ["wrn-28-4"] * 2
    assert set(table["fid"].tolist()) == {1.82} and table.place(1) == "log:5"


def test_a_line_that_a_kill_cut_short_is_left_out():
    table = table_of_log(log(evaluation(1e6), tail=b'{"event": "evalu'), "log")
    assert len(table) == 1


def test_fids_fill_what_logs_leave_open():
    bare = HEADER | {"fid": None}
    table = table_of_log(log(evaluation(1e6), header=bare), "log")
    assert np.isnan(table["fid"]).all()
    assert with_fid(table, [("edm20", 2.0), (None, 3.0)])["fid"].tolist() == [2.0]
    full = table_of_log(log(evaluation(1e6)), "log")
    assert with_fid(full, [(None, 3.0)])["fid"].tolist() == [1.82]
    with pytest.raises(DataError, match="no data set 'dg' among edm20"):
        with_fid(table, [("dg", 1.0)])


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (log(), "log: no evaluation after training began"),
        (log(evaluation(1e6), header={"event": "step"}), "log:1: found 'step'"),
        (log(evaluation(1e6), header=HEADER | {"version": 9}), "log:1: version 9; expected 1"),
        (log(evaluation(1e6, loss="high")), "log:2: loss: found 'high'; expected a number"),
        (log(evaluation(1e6), tail=b"{}\n"), "log:3: not a row of a training log"),
        (
            log(evaluation(1e6), header={k: v for k, v in HEADER.items() if k != "params"}),
            "log:1: the header has no 'params'",
        ),
    ],
)
def test_what_is_no_log_is_named_with_its_line(stream, said):
    with pytest.raises(DataError, match=said):
        table_of_log(stream, "log")


def test_logs_are_told_from_tables_without_consuming_them():
    stream = log(evaluation(1e6))
    assert is_log(stream) and len(table_of_log(stream, "log")) == 1
    assert not is_log(io.BufferedReader(io.BytesIO(b"run,params\n")))


def test_distances_of_the_header_are_columns_that_a_table_reads_back():
    header = HEADER | {"distances": {"fd_pixels": 3.5}}
    table = table_of_log(log(evaluation(1e6), header=header), "log")
    assert table["fd_pixels"].tolist() == [3.5]
    written = b"".join(part.encode() for part in csv_blocks(table))
    again = read_tables([("table", io.BytesIO(written))], {}, REQUIRED)
    assert again["fd_pixels"].tolist() == [3.5]
    for bad in ([1], {"fd_pixels": True}, "far"):
        with pytest.raises(DataError, match=r"^log:1: "):
            table_of_log(log(evaluation(1e6), header=HEADER | {"distances": bad}), "log")
    far = written.replace(b"3.5", b"far")
    with pytest.raises(DataError, match="table:2: column 'fd_pixels': found 'far'"):
        read_tables([("table", io.BytesIO(far))], {}, REQUIRED)
