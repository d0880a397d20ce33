"""advruns, the command: what it refuses."""

import pytest
from refusals import Runner

REFUSED = {
    "advruns nowhere.csv": "nowhere.csv",
    "advruns --bundled paper --where 'params<1'": "no row of 220 satisfies params<1",
    "advruns --bundled paper --where params": "expected COLUMN<VALUE",
    "advruns --bundled paper --columns loss": "expected OURS=THEIRS",
    "advruns --bundled paper --where 'dataset<5'": "compare it with = or !=",
    "advruns --bundled nosuch": "'nosuch' is not one of",
    "advruns --bundled paper --fid nosuch=2": "no data set 'nosuch'",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, capsys, monkeypatch):
    Runner(capsys, monkeypatch).refuses(line, REFUSED[line])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "no column 'params' among a, b"),
        ("params;samples\n1;2\n", "cells are separated by commas"),
    ],
)
def test_what_is_no_runs_table_is_named(table, said, tmp_path, capsys, monkeypatch):
    (tmp_path / "runs.csv").write_text(table)
    Runner(capsys, monkeypatch).refuses(f"advruns {tmp_path}/runs.csv", said)
