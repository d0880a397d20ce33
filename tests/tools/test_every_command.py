"""What every command promises: help, start-up, errors, exit statuses, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import COMMANDS, ROOT, options_of

import advlib
from advlib.runs.bundled import open_bundled

BIN = Path(sys.executable).parent
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
RUNS = open_bundled("paper")[1].read()


def modules_loaded_by(command, *args):
    """The top packages that a command loads, and what it prints."""
    code = MODULES.format(argv=[str(BIN / command), *map(str, args)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1].replace("'", '"'))), done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_starts_at_once_and_names_every_option(command):
    loaded, printed = modules_loaded_by(command, "--help")
    assert not HEAVY & loaded
    words = set(printed.replace(",", " ").replace("/", " ").split())
    assert set(options_of(command)) <= words


def test_version_is_the_packages(call):
    for command in COMMANDS:
        assert call(f"{command} --version").stdout == f"{command} {advlib.__version__}\n"


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("advoptimal", ["--flops", "1e20:1e24:5", "--zoo"]),
        ("advtrade", ["--flops", "1e22", "--size", "0.5,2"]),
        ("advlimit", ["--fid", "0"]),
        ("advpredict", ["--params", "366M", "--samples", "500M"]),
    ],
)
def test_closed_form_answers_load_nothing_heavy(command, args):
    loaded, _ = modules_loaded_by(command, PUBLISHED, *args, "--format", "csv", "-q")
    assert not HEAVY & loaded


def test_an_empty_pipe_asks_what_happened_before_it(sh):
    done = sh("false | advoptimal --flops 1e22")
    expected = "advoptimal: <stdin>: empty; did the command before the pipe fail?\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize(
    "line", ["advoptimal --flops 1e22", "advlimit", "advtrade --flops 1e22 --size 1"]
)
def test_an_empty_input_asks_what_happened_before_it(call, line):
    done = call(line, 2, input=b"")
    name = line.split()[0]
    assert done.stderr == f"{name}: <stdin>: empty; did the command before the pipe fail?\n"
    assert done.stdout == ""


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


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc on this system")
def test_ctrl_c_is_130_without_a_traceback(tmp_path):
    (tmp_path / "runs.csv").write_bytes(RUNS)
    command = [BIN / "advfit", "runs.csv", "--approach", "3", "--bootstrap", "100000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        while _seconds_computed(process.pid) < 4:  # by then it fits, for minutes
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err.strip()) == (b"", b"advfit: interrupted")
    assert process.returncode == 130


def _seconds_computed(process: int) -> float:
    """The processor time that a process has used for itself."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def test_nothing_is_printed_when_a_late_row_is_bad(sh):
    done = sh("(advruns --bundled paper; echo 'x,x,x,1,1,1,1,1,oops,0,x') | advruns")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "advruns: <stdin>:222: column 'loss': found 'oops'; expected a number above 0\n"
    )
