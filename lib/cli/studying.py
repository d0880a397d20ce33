"""Studies as a command lays them out and looks at them: notes of what is assumed, files, rows."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from advlib.cli.output import history_entry, note

if TYPE_CHECKING:
    from advlib.laws.limits import Hardware
    from advlib.studies.commands import Common
    from advlib.studies.planning import Choice

SHOWN = 5  # names in a remark


def lay_out_study(
    choice: "Choice",
    common: "Common",
    hardware: "Hardware",
    budget: float | None,
    folder: str | None,
) -> list[dict[str, Any]]:
    """The rows of a study's runs; with a folder, the study is laid out there."""
    from advlib.studies import planning
    from advlib.studies.folder import write_study
    from advlib.studies.presets import TEST

    if choice.preset and not common.evaluation.test:
        common = replace(common, evaluation=replace(common.evaluation, test=TEST))
    if folder and not common.evaluation.test:
        raise click.UsageError("--test: found none; runs that are not evaluated are no study")
    form, seen = planning.image_form(common.evaluation.test, choice.data)
    found = planning.plan(choice, common.evaluation, form, budget)
    rows = planning.rows_of(found, hardware)
    if not seen:
        note(
            f"no set is there yet: costs are those of {form.classes} classes of {form.side}x"
            f"{form.side} images, evaluated on {form.test_images}"
        )
    _say_costs(found, rows)
    if folder:
        grid, common = planning.seen_from(folder, found.grid, common)
        write_study(folder, grid, common, found.costs, rows, [history_entry()])
        note(f"laid out: make -C {folder} -j2, or sbatch slurm.sh there")
    return rows


def _say_costs(found: Any, rows: list[dict[str, Any]]) -> None:
    from advlib.studies.planning import generation

    hours = sum(row["device_hours"] for row in rows)
    note(
        f"{len(rows)} runs: {found.training_flops:.4g} FLOPs of training,"
        f" {found.evaluation_flops:.4g} of evaluation, {hours:,.4g} device hours"
    )
    flops, unknown = generation(found)
    if flops:
        note(f"{flops:.4g} FLOPs of generation" + f", {_some(unknown)} unknown" * bool(unknown))
    if found.left_out:
        names = [run.name for run in found.left_out]
        note(f"beyond the budget, left out: {len(names)} runs, {_some(names)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def study_status(folder: str) -> list[dict[str, Any]]:
    """A row for each run of a study in a folder: how far it is; a line of sums is said."""
    from advlib.studies.folder import read_study
    from advlib.studies.status import status_rows

    grid, _, costs = read_study(folder)
    runs = [(run, costs[run.name].images, costs[run.name].flops) for run in grid.runs]
    rows = list(status_rows(folder, runs))
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    done, whole = sum(row["flops"] for row in rows), sum(flops for _, _, flops in runs)
    counted = ", ".join(f"{count} {state}" for state, count in states.items())
    note(f"{os.path.normpath(folder)}: {counted}; {done:.4g} of {whole:.4g} training FLOPs")
    return rows
