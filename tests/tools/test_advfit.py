"""advfit, the command: options, streams, what it refuses."""

import json

import pytest
from refusals import Runner

from advlib.runs.bundled import open_bundled

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

REFUSED = {
    "advfit runs.csv": "Missing option '--approach'",
    "advfit runs.csv --approach 4": "expected 1, 2, 3",
    "advfit runs.csv --approach 3 --where dataset=dg20": "two or more FIDs",
    "advfit runs.csv --approach 2 --joint --plain": "exclude each other",
    "advfit runs.csv --approach 3 --holdout 'flops>1e30'": "no row satisfies",
    "advfit runs.csv --approach 2 --base nope": "no data set 'nope'",
    "advfit runs.csv --approach 2 --weights nosuch": "no column 'nosuch' for weights",
    "advfit runs.csv --approach 2 --where 'params<1'": "no row of 220 satisfies params<1",
    "advfit final.csv --approach 2": "column 'loss': found an empty cell",
    "advfit envelope.csv --approach 1 --holdout 'flops>1e19'": "no runs to hold out",
    "advfit envelope.csv --approach 2 --min-fraction 0.7": "no column 'planned_samples'",
    # of another law
    "advfit runs.csv --approach 3 --joint": "--joint: goes with --approach 2; here it is 3",
    "advfit runs.csv --approach 3 --plain": "--plain: goes with --approach 2",
    "advfit runs.csv --approach 1 --base dg20": "--base: goes with --approach 2",
    "advfit runs.csv --approach 3 --quality edm7": "--quality: goes with --approach 2",
    "advfit runs.csv --approach 2 --dataset dg20": "--dataset: goes with --approach 1",
    "advfit runs.csv --approach 1 --recipe published": "--recipe: goes with --approach 2, 3",
    "advfit runs.csv --approach 1 --weights loss_error": "--weights: goes with --approach 2, 3",
    "advfit runs.csv --approach 1 --weights nosuch": "--weights: goes with --approach 2, 3",
    "advfit runs.csv --approach 1 --delta 5": "--delta: goes with --approach 2, 3",
    "advfit runs.csv --approach 1 --keep-underfit": "--keep-underfit: goes with --approach 2, 3",
    # of another way to fit
    "advfit runs.csv --approach 2 --joint --base dg20": "--base: is of two stages",
    "advfit runs.csv --approach 2 --plain --quality edm7": "--quality: is of two stages",
    "advfit runs.csv --approach 3 --recipe published --delta 0.1": "goes with --recipe default",
    "advfit runs.csv --approach 3 --recipe published --weights loss_error": "--recipe default",
    "advfit runs.csv --approach 2 --recipe published --bootstrap 1": "hours",
    "advfit runs.csv --approach 3 --recipe published --seed 1": "--seed: goes with --recipe",
    "advfit runs.csv --approach 3 --bootstrap 0 --seed 1": "--seed: goes with bootstrap draws",
    "advfit runs.csv --approach 3 --compare --k 6": "--k: does not go with --compare",
    "advfit runs.csv --approach 3 --bootstrap 200000": "0<=x<=100000",
    "advfit runs.csv --approach 3 --delta 0": "expected a number above 0",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run command lines in a folder with the paper's tables."""
    monkeypatch.chdir(tmp_path)
    for name, file in (("paper", "runs"), ("paper-envelope", "envelope"), ("paper-final", "final")):
        (tmp_path / f"{file}.csv").write_bytes(open_bundled(name)[1].read())
    return Runner(capsys, monkeypatch)


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(run, line):
    run.refuses(line, REFUSED[line])


def test_the_published_recipe_records_what_it_used(run):
    line = "advfit -q runs.csv --approach 2 --plain --recipe default --bootstrap 0"
    status, out, _ = run(f"{line} --where dataset=dg20 --delta 0.002")
    document = json.loads(out)
    assert status == 0
    assert document["objective"]["delta"] == 0.002
    assert document["bootstrap"] == {"draws": 0, "seed": None, "unit": None}


def test_several_laws_are_several_documents(run):
    status, out, _ = run("advfit -q runs.csv --approach 2,3 --bootstrap 0")
    assert status == 0
    assert [json.loads(line)["approach"] for line in out.splitlines()] == [2, 3]
