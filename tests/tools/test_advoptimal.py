"""advoptimal, the command: what it refuses."""

from pathlib import Path

import pytest
from refusals import Runner

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

FIT = Path(__file__).parents[1] / "bench" / "published.json"
REFUSED = {
    "advoptimal {fit}": "Missing option '--flops'",
    "advoptimal {fit} --flops lots": "found 'lots'; expected a number",
    "advoptimal {fit} --flops -1": "expected a number above 0",
    "advoptimal {fit} --flops 0": "expected a number above 0",
    "advoptimal {fit} --flops 1:2": "expected FIRST:LAST:COUNT",
    "advoptimal {fit} --flops 1e22 --dataset nope": "no data set 'nope'",
    "advoptimal {fit} --flops 1e22 --fid=-1": "expected a number 0 or above",
    "advoptimal {fit} --flops 1e22 --region": "between two or three fits; found 1",
    "advoptimal {fit} --flops 1e22 --region --zoo": "--zoo: does not go with --region",
    "advoptimal nowhere.json --flops 1e22": "nowhere.json",
    "advoptimal {fit} --flop 1e22": "No such option",
}


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_is_wrong_or_does_nothing_is_refused_in_one_line(line, capsys, monkeypatch):
    Runner(capsys, monkeypatch).refuses(line.format(fit=FIT), REFUSED[line])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("7", "expected a fit that advfit wrote, found 'int'"),
        ("\n{", ":2: not JSON"),
        ('{"format": NaN}', "NaN is not a JSON number"),
        ("", "empty; did the command before the pipe fail?"),
    ],
)
def test_what_is_no_fit_is_named(document, said, tmp_path, capsys, monkeypatch):
    (tmp_path / "fit.json").write_text(document)
    Runner(capsys, monkeypatch).refuses(f"advoptimal {tmp_path}/fit.json --flops 1e22", said)


def test_bytes_that_are_no_text_are_no_fit(tmp_path, capsys, monkeypatch):
    (tmp_path / "fit.json").write_bytes(b"\xff\xfe\x00\x01")
    line = f"advoptimal {tmp_path}/fit.json --flops 1e22"
    Runner(capsys, monkeypatch).refuses(line, "not UTF-8 text")
