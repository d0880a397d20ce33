"""What every command promises: help, start-up, errors, exit statuses, signals."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import tomllib

import pytest

BIN = pathlib.Path(sys.executable).parent
ROOT = pathlib.Path(__file__).parents[2]
TOOLS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
PUBLISHED = ROOT / "tests" / "bench" / "published.json"
HEAVY = {"numpy", "scipy", "pandas", "torch", "matplotlib", "statsmodels", "rich"}
MODULES = """
import runpy, sys
sys.argv = {argv!r}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print(sorted({{name.split(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def modules_loaded_by(tool, *args):
    code = MODULES.format(argv=[str(BIN / tool), *map(str, args)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))


@pytest.mark.parametrize("tool", TOOLS)
def test_help_starts_at_once_and_names_every_option(tool):
    loaded = modules_loaded_by(tool, "--help")
    assert not HEAVY & loaded


@pytest.mark.parametrize("tool", TOOLS)
def test_version_is_the_packages(sh, tool):
    assert sh(f"{tool} --version").stdout == f"{tool} 0.1.0\n"


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("advoptimal", ["--flops", "1e20:1e24:5", "--zoo"]),
        ("advtrade", ["--flops", "1e22", "--size", "0.5,2"]),
        ("advlimit", ["--fid", "0"]),
        ("advpredict", ["--params", "366M", "--samples", "500M"]),
    ],
)
def test_closed_form_answers_load_nothing_heavy(tool, args):
    loaded = modules_loaded_by(tool, PUBLISHED, *args, "--format", "csv", "-q")
    assert not HEAVY & loaded


@pytest.mark.parametrize(
    "tool", ["advoptimal --flops 1e22", "advlimit", "advtrade --flops 1e22 --size 1"]
)
def test_an_empty_pipe_asks_what_happened_before_it(sh, tool):
    done = sh(f"false | {tool}")
    name = tool.split()[0]
    expected = f"{name}: <stdin>: empty; did the command before the pipe fail?\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


WRONG = {
    "advoptimal {fit}": "Missing option '--flops'",
    "advoptimal {fit} --flops lots": "found 'lots'; expected a number",
    "advoptimal {fit} --flops -1": "expected a number above 0",
    "advoptimal {fit} --flops 0": "expected a number above 0",
    "advoptimal {fit} --flops 1:2": "expected FIRST:LAST:COUNT",
    "advoptimal {fit} --flops 1e22 --dataset nope": "no data set 'nope'",
    "advoptimal {fit} --flops 1e22 --fid=-1": "expected a number 0 or above",
    "advoptimal {fit} --flops 1e22 --region": "between two or three fits; found 1",
    "advoptimal {fit} --flops 1e22 --region --zoo": "exclude each other",
    "advoptimal nowhere.json --flops 1e22": "nowhere.json",
    "advoptimal {fit} --flop 1e22": "No such option",
    "echo 7 | advoptimal --flops 1e22": "expected a fit that advfit wrote, found 'int'",
    "echo '{{' | advoptimal --flops 1e22": "<stdin>:2: not JSON",
    "echo '{{\"format\": NaN}}' | advoptimal --flops 1e22": "NaN is not a JSON number",
    "head -c 99 /dev/urandom | advoptimal --flops 1e22": "not",
    "advtrade {fit} --flops 1e22": "give one of --size",
    "advtrade {fit} --flops 1e22 --size 1 --params 1": "give one of --size",
    "advpredict {fit}": "either --params and --samples, or --runs",
    "advlimit {fit} --accuracy 80": "fractions below 1",
    "advlimit {fit} --flops 1e22": "expected a target",
    "advlimit {fit} --accuracy 0.8 --utilisation 2": "at most 1",
    "advruns nowhere.csv": "nowhere.csv",
    "advruns --bundled paper --where 'params<1'": "no row of 220 satisfies params<1",
    "advruns --bundled paper --where 'params'": "expected COLUMN<VALUE",
    "advruns --bundled paper --columns loss": "expected OURS=THEIRS",
    "printf 'a,b\\n1,2\\n' | advruns": "no column 'params' among a, b",
    "advruns --bundled paper | advfit": "Missing option '--approach'",
    "advruns --bundled paper | advfit --approach 4": "expected 1, 2, 3",
    "advruns --bundled paper | advfit --approach 3 --where 'dataset=dg20'": "two or more FIDs",
    "advruns --bundled paper | advfit --approach 2 --joint --plain": "exclude each other",
    "advruns --bundled paper | advfit --approach 2 --bootstrap 1 --recipe published": "hours",
    "advruns --bundled paper | advfit --approach 3 --holdout 'flops>1e30'": "no row satisfies",
    "advruns --bundled paper | advfit --approach 2 --base nope": "no data set 'nope'",
    "advruns --bundled paper | advfit --approach 3 --joint": "--joint is of approach 2",
    "advruns --bundled paper | advfit --approach 2 --joint --base dg20": "drop --joint or --plain",
    "advruns --bundled paper | advfit --approach 2 --dataset dg20": "--dataset is of approach 1",
    "advruns --bundled paper --where 'dataset<5'": "compare it with = or !=",
    "printf 'params;samples\n1;2\n' | advruns": "cells are separated by commas",
    "advruns --bundled paper-final | advfit --approach 2": "column 'loss': found an empty cell",
}


@pytest.mark.parametrize("command", WRONG)
def test_bad_input_is_one_line_and_status_2(sh, command):
    done = sh(command.format(fit=PUBLISHED))
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert WRONG[command] in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        ("advoptimal: ", "advtrade: ", "advpredict: ", "advlimit: ", "advruns: ", "advfit: ")
    )


def test_debug_shows_the_traceback(sh):
    done = sh("echo 7 | advoptimal --flops 1e22 --debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_quiet_silences_notes_but_not_errors(sh):
    assert "no bootstrap draws" in sh(f"advoptimal {PUBLISHED} --flops 1e22").stderr
    assert sh(f"advoptimal {PUBLISHED} --flops 1e22 -q").stderr == ""
    assert sh("advoptimal nowhere --flops 1e22 -q").stderr != ""


def test_a_closed_pipe_ends_a_filter_as_it_ends_cat(sh):
    done = sh(
        f"advoptimal {PUBLISHED} --flops 1e18:1e28:10000 -q | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    assert done.stdout.splitlines()[1] == "141"
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line_and_status_1(sh):
    done = sh(f"advoptimal {PUBLISHED} --flops 1e22 -q > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "advoptimal: No space left on device\n"


def test_ctrl_c_is_130_without_a_traceback(tmp_path):
    runs = tmp_path / "runs.csv"
    with runs.open("wb") as file:
        subprocess.run([BIN / "advruns", "--bundled", "paper"], stdout=file, check=True)
    command = [BIN / "advfit", runs, "--approach", "2", "--recipe", "published"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (out, err.strip()) == (b"", b"advfit: interrupted")
        assert process.returncode == 130


def test_nothing_is_printed_when_a_late_row_is_bad(sh):
    done = sh("(advruns --bundled paper; echo 'x,x,x,1,1,1,1,1,oops,0,x') | advruns")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "advruns: <stdin>:222: column 'loss': found 'oops'; expected a number above 0\n"
    )
