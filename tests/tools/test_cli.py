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
