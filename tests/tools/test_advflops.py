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


def test_generators_are_counted_in_training_and_in_sampling():
    """Forward, and backward to weights and maps: three forward passes but for the first layers."""
    args = ("ddpmpp-128", "NCSNpp-32x1", "--samples", "2M", "--generated", "1M,5M")
    rows = rows_of(advflops(*args, "--evaluations", "39"))
    assert [(row["model"], row["generated"]) for row in rows] == [
        (name, count) for name in ("ddpmpp-128", "ncsnpp-32x1") for count in ("1000000", "5000000")
    ]
    assert int(rows[0]["params"]) == 55_735_299
    for row in rows:
        forward, step = int(row["forward_flops"]), int(row["step_flops"])
        assert 0.99 * 3 * forward < step < 3 * forward
        assert int(row["image_flops"]) == 39 * forward
        assert float(row["flops"]) == pytest.approx(2e6 * step)
        assert float(row["generation_flops"]) == pytest.approx(
            39 * forward * float(row["generated"])
        )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("ddpmpp-128", "wrn-28-10"), "networks of both kinds"),
        (("wrn-28-10", "--generated", "5M"), "--generated: goes with generators"),
        (("wrn-28-10", "--evaluations", "5"), "--evaluations: goes with generators"),
        (("ddpmpp-128", "--attack-steps", "3"), "--attack-steps: goes with classifiers"),
        (("ddpmpp-x",), "network: found 'ddpmpp-x'; expected ddpmpp-128"),
        (("ddpmpp-132",), "width: found 132"),
        (("ddpmpp-128", "--image-size", "9"), "takes squares whose side"),
    ],
)
def test_networks_that_do_not_go_with_options_are_refused(args, message):
    done = advflops(*args)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1) and message in done.stderr
