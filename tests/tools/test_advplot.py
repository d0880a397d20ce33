"""advplot, the command: options, streams, files."""

import json
import os

import pytest

from advlib.figures.kinds import KINDS
from advtools.advplot import main

# click leaves files open that it opened before the option that was wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

FIT = {
    "format": "advfit",
    "approach": 2,
    "reference_fid": 1.65,
    "parameters": {
        "A": 6.686980024,
        "alpha": 0.2443451932,
        "B": 7.551688898,
        "beta": 0.2281458937,
        "E": 0.5603731626,
        "eps": 0.1555244954,
        "zeta": -0.2767735799,
    },
}
VALUES = {
    "flops": ["--flops", "1e18,1e30"],
    "fids": ["--fid", "0"],
    "datasets": ["--dataset", "dg20"],
    "runs": ["--runs", "fit.json"],
    "by": ["--by", "model"],
    "human": ["--human", "fit.json"],
}


@pytest.fixture
def advplot(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder with fit.json in it: status, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.json").write_text(json.dumps(FIT))

    def run(*args):
        with pytest.raises(SystemExit) as end:
            main(list(args), "advplot")
        return end.value.code, capsys.readouterr().err

    return run


def test_a_file_is_written_in_the_format_of_its_suffix(advplot, tmp_path):
    assert advplot("limits", "fit.json", "-o", "fig.PNG", "-q") == (0, "")
    assert (tmp_path / "fig.PNG").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fig.PNG", "fit.json"]


def test_pipes_carry_fits_in_and_a_pdf_out(sh, tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps(FIT) * 2)
    out = sh(
        "advplot sizes -q -o - < fit.json > a.pdf && head -c 5 a.pdf &&"
        "advplot sizes -q - -o b.pdf < fit.json && cmp a.pdf b.pdf"
    )
    assert (out.returncode, out.stdout, out.stderr) == (0, "%PDF-", "")


def test_help_loads_nothing_heavy_and_drawing_no_pyplot(sh, tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps(FIT))
    heavy = ("numpy", "matplotlib", "matplotlib.pyplot", "torch")
    script = (
        "import sys; from advtools.advplot import main\n"
        "try: main(sys.argv[1:], 'advplot')\n"
        f"except SystemExit: print(*(m for m in {heavy} if m in sys.modules), file=sys.stderr)"
    )
    (tmp_path / "script.py").write_text(script)
    out = sh("python script.py --help")
    assert (out.returncode, out.stderr.strip()) == (0, "")
    out = sh("python script.py optimum fit.json -q -o fig.png")
    assert out.stderr.split() == ["numpy", "matplotlib"]


@pytest.mark.parametrize("kind", KINDS)
def test_options_that_a_kind_does_not_use_are_refused(advplot, kind):
    for option, words in VALUES.items():
        status, message = advplot(kind, os.devnull, "-o", "fig.pdf", *words)
        refused = option not in KINDS[kind].options
        found = f"{words[0]}: goes with KIND" if refused else "empty; did the"
        assert (status, found in message) == (2, True), message
        assert not refused or f"here it is {kind}" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("limits fit.json -o fig.jpg", "found 'fig.jpg'; expected a name that ends in .pdf, .png"),
        ("limits fit.json -o fig", "found 'fig'; expected"),
        ("limits fit.json", "Missing option '-o'"),
        ("limit fit.json -o fig.pdf", "'limit' is not one of 'limits', 'envelope'"),
        ("fits fit.json -o fig.pdf", "fit.json: a fit without the runs behind it"),
        (
            "limits fit.json -o fig.pdf --columns a=b",
            "--columns: goes with --runs, which is missing",
        ),
        ("limits - -o fig.pdf --runs -", "cannot both come from standard input"),
        ("limits -o fig.pdf --runs -", "cannot both come from standard input"),
        ("limits fit.json -o fig.pdf --width 1", "expected a number 2.5 or above"),
    ],
)
def test_errors_are_one_line_and_leave_no_file(advplot, tmp_path, words, message):
    status, err = advplot(*words.split())
    assert status == 2
    assert message in err and err.startswith("advplot: ") and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["fit.json"]


def test_a_fit_without_draws_is_said_to_have_no_intervals(advplot):
    status, err = advplot("limits", "fit.json", "-o", "fig.png")
    assert (status, "no bootstrap draws" in err) == (0, True)
