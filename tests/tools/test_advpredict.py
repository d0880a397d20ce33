"""advpredict, the command: what it refuses."""

from pathlib import Path

import pytest
from refusals import Runner

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

FIT = Path(__file__).parents[1] / "bench" / "published.json"
REFUSED = {
    "advpredict {fit}": "either --params and --samples, or --runs",
    "advpredict {fit} --params 1e8": "either --params and --samples, or --runs",
    "advpredict {fit} --params 1e8 --runs {fit}": "--params: does not go with --runs",
    "advpredict {fit} --samples 1e8 --runs {fit}": "--samples: does not go with --runs",
    "advpredict {fit} --fid 1 --runs {fit}": "--fid: does not go with --runs",
    "advpredict {fit} --dataset a --runs {fit}": "--dataset: does not go with --runs",
    "advpredict {fit} --params 1 --samples 1 --columns a=b": "--columns: goes with --runs",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, capsys, monkeypatch):
    Runner(capsys, monkeypatch).refuses(line.format(fit=FIT), REFUSED[line])


def test_standard_input_is_taken_once(sh):
    done = sh("echo | advpredict --runs -")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--runs - takes standard input; name the FIT" in done.stderr


def test_sizes_are_taken_each_with_each(capsys, monkeypatch):
    line = f"advpredict -q {FIT} --params 1e8,2e8 --samples 1e8,2e8,3e8"
    status, out, _ = Runner(capsys, monkeypatch)(line)
    assert status == 0 and len(out.splitlines()) == 7
