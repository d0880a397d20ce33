"""advtrade, the command: what it refuses, and what it says is impossible."""

from pathlib import Path

import pytest
from refusals import Runner

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

FIT = Path(__file__).parents[1] / "bench" / "published.json"
REFUSED = {
    "advtrade {fit} --flops 1e22": "give one of --size",
    "advtrade {fit} --flops 1e22 --size 1 --params 1": "give one of --size",
    "advtrade {fit} --flops 1e22 --max-overhead 10% --size 1": "give one of --size",
    "advtrade {fit} --size 1": "Missing option '--flops'",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, capsys, monkeypatch):
    Runner(capsys, monkeypatch).refuses(line.format(fit=FIT), REFUSED[line])


def test_impossible_sizes_are_said_once(capsys, monkeypatch):
    line = f"advtrade {FIT} --flops 1e21,1e22 --size 0.01,1"
    status, _, err = Runner(capsys, monkeypatch)(line)
    assert status == 0
    assert err.count("size 0.01: impossible: no amount of data reaches the optimal loss") == 1
