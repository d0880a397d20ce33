"""Standard streams that the caller closed, or that are full: one line, or no messages at all."""

import pytest

TABLE = "run,params,samples,loss,fid\na,1e6,1e6,0.9,2\n"
CLOSED = "standard input or output is closed"


@pytest.mark.parametrize(
    "command", ["advruns --bundled paper", "advflops wrn-28-10", "advfit --help", "advls --version"]
)
def test_a_closed_standard_output_is_one_line(sh, command):
    done = sh(f"{command} >&-")
    name = command.split()[0]
    assert (done.returncode, done.stderr) == (1, f"{name}: {CLOSED}\n")


def test_a_closed_standard_input_is_one_line(sh):
    done = sh("advruns <&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"advruns: {CLOSED}\n")


@pytest.mark.parametrize("where", ["&-", "/dev/full"])
def test_messages_that_nobody_can_read_change_nothing(sh, tmp_path, where):
    (tmp_path / "runs.csv").write_text(TABLE)
    said = sh("advruns runs.csv")
    unsaid = sh(f"advruns runs.csv 2>{where}")
    assert (unsaid.returncode, unsaid.stdout, unsaid.stderr) == (0, said.stdout, "")
    assert sh(f"advruns nosuch.csv 2>{where}").returncode == 2


def test_no_file_takes_the_place_of_a_stream_that_is_closed(sh, tmp_path):
    """The first file that a process opens would become its standard output."""
    done = sh("advpack digits --split test -o digits >&- <&-")
    assert done.returncode == 0, done.stderr
    assert sh("advls --verify digits").returncode == 0
