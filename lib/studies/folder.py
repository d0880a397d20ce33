"""The folder of a study: study.json, the table of its runs, and what schedulers read."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from advlib.documents import read_document as parsed_document
from advlib.errors import DataError
from advlib.jobs.files import atomic_write, cannot_write
from advlib.studies.commands import RUNS, Common, Line, folder_of, line_of
from advlib.studies.cost import Cost
from advlib.studies.grid import DataSet, Grid, Run
from advlib.studies.layouts import LAYOUTS
from advlib.training.settings import Evaluation

FORMAT, VERSION = "advgrid", 1
DOCUMENT, TABLE = "study.json", "grid.csv"


def document(grid: Grid, common: Common, costs: Mapping[str, Cost]) -> dict[str, Any]:
    """A study as JSON, without its history."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "datasets": {name: asdict(dataset) for name, dataset in grid.datasets.items()},
        "common": asdict(common),
        "runs": [{**asdict(run), **asdict(costs[run.name])} for run in grid.runs],
    }


def write_study(
    folder: str,
    grid: Grid,
    common: Common,
    costs: Mapping[str, Cost],
    rows: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Lay a study out in a folder, which is made if need be.

    rows: of its table.
    Raises DataError where the folder holds another study, CannotError where it cannot be written.
    """
    made = document(grid, common, costs)
    known = json.loads(json.dumps(made))
    path = os.path.join(folder, DOCUMENT)
    if os.path.exists(path):
        found = read_document(folder)
        if {key: found.get(key) for key in known} != known:
            raise DataError(f"{folder}: holds another study; give a folder of its own")
    elif os.path.isdir(folder) and os.listdir(folder):
        raise DataError(f"{folder}: holds other files, and no {DOCUMENT}; expected a new folder")
    lines = [
        Line(
            run.name,
            folder_of(run),
            line_of(run, grid.datasets[run.dataset], common),
            costs[run.name].flops,
        )
        for run in grid.runs
    ]
    texts = {name: layout(lines) for name, layout in LAYOUTS.items()}
    texts[TABLE] = _csv(rows)
    texts[DOCUMENT] = json.dumps({**made, "history": list(history)}, indent=1) + "\n"
    with cannot_write(folder):
        os.makedirs(os.path.join(folder, RUNS), exist_ok=True)
        for name, text in texts.items():  # the document last: with it, the study is whole
            with atomic_write(os.path.join(folder, name)) as file:
                file.write(text.encode())


def read_document(folder: str) -> dict[str, Any]:
    """The document of a study's folder.  Raises DataError for a folder that is none."""
    path = os.path.join(folder, DOCUMENT)
    try:
        with open(path, "rb") as file:
            return parsed_document(file, path, FORMAT, VERSION, "what advgrid wrote")
    except OSError:
        raise DataError(f"{folder}: no {DOCUMENT} there; expected the folder of a study") from None


def read_study(folder: str) -> tuple[Grid, Common, dict[str, Cost]]:
    """The study in a folder.  Raises DataError, naming the field, for what is none."""
    found, path = read_document(folder), os.path.join(folder, DOCUMENT)
    try:
        datasets = {
            name: DataSet(
                **{
                    **each,
                    "sets": tuple(each["sets"]),
                    "generated": each["generated"] and tuple(each["generated"]),
                }
            )
            for name, each in found["datasets"].items()
        }
        costs = {
            each["name"]: Cost(**{f.name: each.pop(f.name) for f in fields(Cost)})
            for each in found["runs"]
        }
        grid = Grid(tuple(Run(**each) for each in found["runs"]), datasets)
        evaluation = Evaluation(**found["common"].pop("evaluation"))
        return grid, Common(evaluation, **found["common"]), costs
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise DataError(f"{path}: damaged: {type(err).__name__}: {err}") from None


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(["" if v is None else v for v in row.values()] for row in rows)
    return out.getvalue()
