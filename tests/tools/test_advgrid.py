"""advgrid, the command: what it prints and writes, and what it refuses."""

import csv
import json

import pytest
from commands import inside
from refusals import Runner

SMALL = "advgrid --networks wrn-10-1 --samples 256,512 --data digits=train"


@pytest.fixture
def run(tmp_path):
    with inside(tmp_path) as call:
        yield call


def test_what_it_prints_it_reads_again(run, tmp_path):
    options = "--seeds 2 --beta 3 --loss trades"
    first = run(f"{SMALL} {options}").stdout
    (tmp_path / "grid.csv").write_text(first)
    again = run("advgrid grid.csv --data digits=train --beta 3").stdout
    assert again == first
    rows = list(csv.DictReader(first.splitlines()))
    assert [(row["run"], row["seed"]) for row in rows[:2]] == [
        ("wrn-10-1_digits_256_seed0", "0"),
        ("wrn-10-1_digits_256_seed1", "1"),
    ]


def test_what_is_assumed_is_said(run):
    said = run(SMALL).stderr.splitlines()
    assert said[0].startswith("advgrid: note: no set is there yet: costs are those of 10 classes")
    assert "2 runs" in said[1]
    assert run(f"{SMALL} -q").stderr == ""


def test_a_study_has_a_history_and_a_status(run, tmp_path):
    rows = csv.DictReader(run(f"{SMALL} --test test -o study -q").stdout.splitlines())
    flops = sum(float(row["flops"]) for row in rows)
    study = json.loads((tmp_path / "study/study.json").read_text())
    assert study["history"][0]["command"] == f"{SMALL} --test test -o study -q"
    assert "--data ../train" in (tmp_path / "study/commands.txt").read_text()
    done = run("advgrid --status study --format json")
    assert [row["state"] for row in json.loads(done.stdout)["rows"]] == ["waiting"] * 2
    assert done.stderr == f"advgrid: note: study: 2 waiting; 0 of {flops:.4g} training FLOPs\n"


REFUSED = {
    "advgrid": "models: found none; a grid is of models, samples and data",
    "advgrid --networks wrn-10-1 --samples 1k": "data: found none",
    f"{SMALL} --preset paper": "--networks: does not go with --preset",
    f"{SMALL} -o study": "--test: found none",
    f"{SMALL} --budget 1": "budget: found 1 FLOPs; the smallest run takes",
    f"{SMALL} --launcher nice": "--launcher: ",
    f"{SMALL} --share 1/4": "--share: ",
    f"{SMALL} --data =x": "data: found '=x'; expected NAME=SET",
    "advgrid --networks vgg --samples 1k --data d": "model: found 'vgg'",
    "advgrid --networks wrn-10-1 --samples 1k --data d --loss clean --beta 2": "--beta: ",
    "advgrid --status nowhere": "nowhere: no study.json there; expected the folder of a study",
    "advgrid --preset none": "'none' is not",
    "advgrid nowhere.csv": "nowhere.csv",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_is_refused_in_one_line(line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Runner(capsys, monkeypatch).refuses(line, REFUSED[line])
    assert list(tmp_path.iterdir()) == []
