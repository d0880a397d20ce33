"""The command advflops: tables of models, runs and budgets, and what is refused."""

import csv
import io

import pytest
from click.testing import CliRunner
from commands import options_of
from test_zoo import TABLE_2

from advtools.advflops import main


def test_help_names_every_option():
    help = CliRunner().invoke(main, ["--help"]).stdout
    assert [name for name in options_of("advflops") if name not in help] == []


def advflops(*args):
    return CliRunner().invoke(main, args, prog_name="advflops")


def rows_of(result):
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_command_prints_table_2():
    rows = rows_of(advflops("--models", "paper"))
    assert {row["model"]: int(row["params"]) for row in rows} == {
        f"wrn-{shape}": count for shape, count in TABLE_2.items()
    }


def test_the_command_prints_runs_and_budgets():
    args = ("wrn-28-10", "WRN-10-1-relu", "--attack-steps", "7", "--classes", "100")
    runs = rows_of(advflops(*args, "--samples", "5M,10M"))
    assert [row["model"] for row in runs] == ["wrn-28-10"] * 2 + ["wrn-10-1-relu"] * 2
    for row in runs:
        assert int(row["step_flops"]) == 21 * int(row["forward_flops"])
        expected = int(row["step_flops"]) * float(row["samples"])
        assert float(row["flops"]) == pytest.approx(expected)
    budgets = rows_of(advflops(*args, "--flops", "1e18:1e20:3", "--measure"))
    assert [float(row["flops"]) for row in budgets[:3]] == [1e18, 1e19, 1e20]
    assert budgets[0]["forward_flops"] == runs[0]["forward_flops"]
    first = 2 * 2 * 9 * 3 * 16 * 32 * 32  # the loss is not derived by its images
    assert int(budgets[0]["step_flops"]) == int(runs[0]["step_flops"]) - first


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "no model"),
        (("wrn-28",), "expected wrn-DEPTH-WIDTH"),
        (
            ("wrn-28-10", "--samples", "5M", "--flops", "1e20"),
            "does not go with --flops",
        ),
        (("wrn-28-10", "--image-size", "30"), "expected a multiple of 4 for wrn-28-10"),
        (("wrn-28-10", "--samples", "0"), "above 0"),
        (("wrn-28-10", "--attack-steps", "-1"), "attack-steps"),
    ],
)
def test_the_command_refuses_in_one_line(args, message):
    result = advflops(*args)
    assert result.exit_code == 2
    assert not result.stdout
    assert message in result.stderr
    assert result.stderr.startswith("advflops: ")
    assert result.stderr.count("\n") == 1
