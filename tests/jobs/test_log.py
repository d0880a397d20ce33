"""A log of JSON Lines is cut back to what a state knew, and read back whole or refused."""

import io
import json
import math

import pytest

from advlib.errors import CannotError, DataError
from advlib.jobs.log import Log, LogFormat, read_log

WORK = LogFormat("advwork", 3, "log of some work")
HEADER = b'{"event": "header", "format": "advwork", "version": 3}\n'


def test_rows_after_the_saved_state_are_dropped_and_written_again(tmp_path):
    path = str(tmp_path / "log.jsonl")
    log = Log(path)
    log.write("header", **WORK.header({"a": 1}))
    log.write("step", loss=math.inf, rate=0.5)
    size = log.settle()
    log.write("step", loss=2.0)
    log.close()
    whole = (tmp_path / "log.jsonl").read_bytes()
    log = Log(path, size)
    log.write("step", loss=2.0)
    log.close()
    assert (tmp_path / "log.jsonl").read_bytes() == whole
    with open(path, "rb") as file:
        header, rows = read_log(file, path, WORK)
    assert header == {"event": "header", "format": "advwork", "version": 3, "a": 1}
    assert rows == [
        {"event": "step", "loss": None, "rate": 0.5},
        {"event": "step", "loss": 2.0},
    ]


def test_less_than_the_state_has_seen_is_refused_and_a_missing_folder_is_said(tmp_path):
    path = str(tmp_path / "log.jsonl")
    (tmp_path / "log.jsonl").write_bytes(b"ab")
    with pytest.raises(DataError, match="2 bytes; the saved state has seen 3"):
        Log(path, 3)
    with pytest.raises(CannotError, match="No such file or directory"):
        Log(str(tmp_path / "nowhere" / "log.jsonl"))


def test_a_last_line_that_was_cut_short_is_left_out():
    assert read_log(io.BytesIO(HEADER + b'{"event": "st'), "x", WORK) == (json.loads(HEADER), [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "x: empty; expected a log of some work"),
        (b'{"event": "step"}\n', "x:1: found 'step'; expected the header of a log"),
        (HEADER.replace(b"advwork", b"advlog"), "x:1: found 'header'; expected the header"),
        (HEADER.replace(b"3", b"4"), "x:1: version 4; expected 3"),
        (HEADER + b"nothing\n" + HEADER, "x:2: not a row of a log of some work"),
        (HEADER + b"[1]\n{}\n", "x:2: not a row of a log of some work"),
    ],
)
def test_what_is_no_such_log_is_refused_and_its_line_named(text, message):
    with pytest.raises(DataError, match=message):
        read_log(io.BytesIO(text), "x", WORK)
