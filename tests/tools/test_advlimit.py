"""advlimit, the command: what it refuses."""

from pathlib import Path

import pytest
from refusals import Runner

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

FIT = Path(__file__).parents[1] / "bench" / "published.json"
QUALITY = "advlimit {fit} --target-loss 0.6 --flops 1e22"
REFUSED = {
    "advlimit {fit} --target-accuracy 80": "below 1",
    "advlimit {fit} --target-accuracy 0.8 --utilisation 2": "at most 1",
    "advlimit {fit} --flops 1e22": "--flops: goes with --target-accuracy or --target-loss",
    "advlimit {fit} --devices 5": "--devices: goes with --target-accuracy or --target-loss",
    "advlimit {fit} --device-flops 1e15": "--device-flops: goes with --target-accuracy",
    "advlimit {fit} --utilisation 0.5": "--utilisation: goes with --target-accuracy",
    f"{QUALITY} --devices 5": "--devices: does not go with --flops",
    f"{QUALITY} --device-flops 1e15": "--device-flops: does not go with --flops",
    f"{QUALITY} --utilisation 0.5": "--utilisation: does not go with --flops",
    f"{QUALITY} --fid 1": "--fid: does not go with --flops",
    f"{QUALITY} --dataset a": "--dataset: does not go with --flops",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, capsys, monkeypatch):
    Runner(capsys, monkeypatch).refuses(line.format(fit=FIT), REFUSED[line])
