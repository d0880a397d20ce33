"""Runs from a table: CSV with a line for each, as advnext and advgrid print."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from advlib.errors import DataError
from advlib.numbers import parse_fraction, parse_number, parse_whole
from advlib.runs.reading import read_tables
from advlib.runs.table import Table
from advlib.settings import Setting, settings_of
from advlib.studies.grid import FREE, Run, run_name
from advlib.training.recipe import Recipe

REQUIRED = ("model", "dataset", "samples")
# "loss" in a table of runs is a number, that of a run
RECIPE = {name: s for name, s in settings_of(Recipe).items() if name not in (*FREE, "loss")}
TRUTHS = {"true": True, "false": False}


def read_runs_to_do(stream: BinaryIO, name: str, recipe: Mapping[str, Any]) -> list[Run]:
    """The runs of a table with the columns model, dataset, samples, and perhaps run, seed and
    settings of the recipe by name, but `loss`; other columns are passed over.

    recipe: settings of runs whose cell is empty, or whose table has no such column.
    Raises DataError, naming file, line and column.
    """
    table = read_tables([(name, stream)], {}, REQUIRED)
    runs = []
    for row in range(len(table)):

        def cell(column: str, row: int = row) -> str:
            return table[column][row].strip() if column in table else ""

        own = {
            key: _value(table, row, setting, cell(key))
            for key, setting in RECIPE.items()
            if key in table and cell(key)
        }
        seed = _whole(table, row, cell("seed")) if cell("seed") else 0
        model, dataset, samples = cell("model"), cell("dataset"), float(table["samples"][row])
        called = cell("run") or run_name(model, dataset, samples, seed or None)
        runs.append(Run(called, model, dataset, samples, seed, {**recipe, **own}))
    return runs


def _whole(table: Table, row: int, text: str) -> int:
    try:
        number = parse_whole(text)
    except ValueError:
        number = -1
    if number < 0:
        raise DataError(
            f"{table.place(row)}: column 'seed': found {text!r:.40}; expected a whole number from 0"
        )
    return number


def _value(table: Table, row: int, setting: Setting, text: str) -> Any:
    """A cell as the setting's kind of value."""
    try:
        if setting.kind is bool:
            return TRUTHS[text.lower()]
        if setting.kind is int:
            return parse_whole(text)
        if setting.fraction:
            return float(parse_fraction(text))
        return parse_number(text) if setting.kind is float else text
    except (KeyError, ValueError, ZeroDivisionError):
        expected = "true or false" if setting.kind is bool else setting.range_text()
        raise DataError(
            f"{table.place(row)}: column {setting.name!r}: found {text!r:.40}; expected {expected}"
        ) from None
