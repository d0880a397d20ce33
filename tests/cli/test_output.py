"""Text from files in tables, in CSV and in notes: it may say anything, and does nothing."""

import csv
import json
import os
import pty
import subprocess

import numpy as np
import pytest
from conftest import environment
from making import chunk_members, npy, sample_members, tar

ESCAPE = "\x1b]0;owned\x07\x1b[31m[/x] :smile:"  # a window's title, a colour, and rich's markup


@pytest.fixture
def hostile(tmp_path):
    """A folder with a set in which two images, of hostile keys, are the same."""
    members = sample_members(ESCAPE + "1") + sample_members(ESCAPE + "2")
    (tmp_path / "a.tar").write_bytes(tar(members))
    table = f'run,params,samples,fid,loss,accuracy\n"{ESCAPE}",1e6,1e6,1,1,0.5\n'
    (tmp_path / "runs.csv").write_text(table)
    (tmp_path / "bad.tar").write_bytes(tar(members + sample_members(ESCAPE, cls=b"cat")))
    return tmp_path


def on_a_terminal(command, folder):
    """What a terminal gets of both streams."""
    mine, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as stream:
        subprocess.run(
            command.split(),
            cwd=folder,
            env=environment() | {"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"},
            stdout=stream,
            stderr=stream,
            timeout=100,
        )
    got = b""
    with os.fdopen(mine, "rb", buffering=0) as file:
        while True:
            try:
                got += file.read(1 << 16)
            except OSError:  # what Linux says once the other end is closed
                return got


@pytest.mark.parametrize(
    "command",
    [
        "advls --duplicates -q a.tar",
        "advls --duplicates -q a.tar --format csv",
        "advls --verify -q bad.tar",
        "advls --stats -q bad.tar",
        "advruns -q runs.csv",
        "advruns -q runs.csv --format csv",
    ],
)
def test_a_terminal_shows_escapes_of_keys_and_obeys_none(hostile, command):
    shown = on_a_terminal(command, hostile)
    assert b"\x1b" not in shown and b"\x07" not in shown
    assert rb"\x1b]0;owned\x07\x1b[31m[/x] :" in shown


def test_a_pipe_gets_keys_as_they_are(hostile, sh):
    out = sh("advls --duplicates a.tar").stdout
    (row,) = csv.DictReader(out.splitlines())
    assert (row["key"], row["first_key"]) == (ESCAPE + "2", ESCAPE + "1")


@pytest.mark.parametrize("key", ["a\rb", "a\r\nb,c", 'a"b\rc', "a\0b", "\r"])
def test_no_key_breaks_a_line_of_csv(tmp_path, sh, key):
    members = chunk_members(
        2,
        image__npy=npy(np.zeros((2, 4, 5, 3), np.uint8)),
        json=json.dumps({"keys": ["k", key]}).encode(),
    )
    (tmp_path / "a.tar").write_bytes(tar(members))
    text = sh("advls --duplicates a.tar", text=False).stdout.decode()
    rows = list(csv.reader(text.split("\n")[:-1], strict=True))
    assert [len(row) for row in rows] == [6, 6]


def test_a_file_name_that_is_no_text_is_listed(tmp_path, sh):
    (tmp_path / os.fsdecode(b"a\xff.tar")).write_bytes(tar(sample_members("k")))
    done = sh("PYTHONIOENCODING=utf-8:strict advls *.tar")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith(r"a\udcff.tar,sample,1,")


def test_a_command_with_a_name_that_is_no_text_is_recorded(tmp_path, sh):
    (tmp_path / os.fsdecode(b"a\xff.tar")).write_bytes(tar(sample_members("k")))
    done = sh("advpack -q a*.tar -o b && advls --history --format json b")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)["rows"]
    assert row["command"] == r"advpack -q 'a\udcff.tar' -o b"


def test_notes_and_usage_errors_escape_too(hostile, sh):
    for line in (r"advls $'--\x1b[31mx'", r"advls $'\x1b[31mx'", r"advls --format $'\x1b[31m' a"):
        done = sh(line)
        assert (done.returncode, done.stdout) == (2, "")
        assert "\x1b" not in done.stderr and r"\x1b[31m" in done.stderr
