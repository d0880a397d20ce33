"""advscore, the command: the revised benchmark of the study, its modes, and what it refuses."""

import json

import paper_panel
import pytest
from commands import inside
from sevenclasses import rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advscore")
    (folder / "paper.csv").write_text(paper_panel.table(paper_panel.answers()))
    for name, accuracy in (("verdict", 0.7371), ("other", 0.75)):
        document = {"format": "advattack", "version": 1, "images": 10_000, "accuracy": accuracy}
        document["history"] = [{"tool": "advattack", "version": "0", "command": "advattack x y"}]
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "few.csv").write_text("image,valid\n1,true\n")
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def test_table_4_comes_out_of_the_studys_table(run, folder):
    (folder / "validity.csv").write_text(run("advvalid -q paper.csv").stdout)
    found = rows(
        run("advscore paper.csv --benchmark --verdict verdict.json --validity validity.csv").stdout
    )
    right = {(row["judge"], row["benchmark"]): (row["right"], row["images"]) for row in found}
    assert right["network", "original"] == ("7371", "10000")
    assert right["network", "revised"] == ("7371", "9273")
    assert right["people", "original"] == ("9046", "10000")
    assert right["gpt-4v", "original"] == ("8531", "10000")
    same = run("advscore paper.csv --benchmark --images 10000 --validity validity.csv").stdout
    assert rows(same) == found


def test_history_begins_with_that_of_the_verdict(run):
    line = "advscore paper.csv --benchmark --verdict verdict.json --bootstrap 0 --format json"
    document = json.loads(run(line).stdout)
    assert [entry["tool"] for entry in document["history"]] == ["advattack", "advscore"]


def test_modes(run):
    assert rows(run("advscore paper.csv --bootstrap 0").stdout)[0]["confidence"] == "all"
    assert "p" in rows(run("advscore paper.csv --pairs").stdout)[0]
    assert len(rows(run("advscore paper.csv --classwise").stdout)) == 10 * (4 + 3)
    assert "guess" in rows(run("advscore paper.csv --confusion").stdout)[0]


REFUSED = {
    "advscore paper.csv --benchmark": "--benchmark: name its size by --images N or --verdict FILE",
    "advscore paper.csv --images 10000": "--images: goes with --benchmark, which is missing",
    "advscore paper.csv --benchmark --images 9 --verdict verdict.json": "--images: does not go wi",
    "advscore paper.csv --benchmark --images 100": "images: 100 in all; 2629 were judged",
    "advscore paper.csv --benchmark --verdict other.json": "gets 2500 of 10000 wrong; the",
    "advscore paper.csv --benchmark --verdict paper.csv": "paper.csv: not JSON",
    "advscore paper.csv --benchmark --images 10000 --validity few.csv": "few.csv: lacks image",
    "advscore paper.csv --benchmark --images 10000 --validity paper.csv": "no column 'valid'",
    "advscore paper.csv --pairs --bootstrap 9": "--bootstrap: does not go with --pairs",
    "advscore paper.csv --pairs --confusion": "does not go with",
    "advscore verdict.json": "verdict.json:1: no column 'image'",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, run):
    done = run(line, status=2)
    assert REFUSED[line] in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
