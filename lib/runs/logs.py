"""Training logs, advlog(5), as runs tables: a row for each evaluation."""

import math
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.jobs.training_log import read_training_log
from advlib.numbers import can_compute
from advlib.runs.table import Table

SCORES = ("samples", "flops", "loss", "accuracy", "clean_accuracy", "clean_loss")


def is_log(stream: BinaryIO) -> bool:
    """Whether a buffered stream begins as a log does; nothing is consumed."""
    return hasattr(stream, "peek") and stream.peek(1)[:1] == b"{"


def table_of_log(stream: BinaryIO, name: str) -> Table:
    """The evaluations of a run: those before training, of no samples, are left out.

    Raises DataError for what is no log, a row that lacks a number, and a log without evaluations.
    """
    header, rows = read_training_log(stream, name)
    if "model" not in header and "recipe" in header:
        kind = "discriminator" if "discriminator" in header else "generator"
        raise DataError(f"{name}: the log of a {kind}; a table of runs has those of classifiers")
    found = [(i, row) for i, row in enumerate(rows, 2) if row["event"] == "evaluation"]
    found = [(i, row) for i, row in found if row.get("samples")]
    if not found:
        raise DataError(f"{name}: no evaluation after training began; train on, or see --evaluate")
    try:
        about = {
            "run": header["run"],
            "model": header["model"]["model"],
            "dataset": header["dataset"],
            "fid": header["fid"],
            "params": header["params"],
            "planned_samples": header["planned_samples"],
            **dict(header.get("distances", {})),
        }
    except (KeyError, TypeError, ValueError) as err:
        raise DataError(f"{name}:1: the header has no {err}; expected that of advtrain") from None
    columns: dict = {}
    for key, value in about.items():
        if isinstance(value, str):
            columns[key] = [value] * len(found)
        else:
            columns[key] = np.full(len(found), _number(value, name, 1, key))
    for key in SCORES:
        columns[key] = np.array([_number(row.get(key), name, line, key) for line, row in found])
    lines = [line for line, _ in found]
    return Table(columns, name, [(name, line, 1) for line in lines])


def with_fid(table: Table, given: Sequence[tuple[str | None, float]]) -> Table:
    """The table with FIDs, pairs of a data set (None for all) and a value, where it has none.

    Raises DataError for a data set that is not in the table.
    """
    fid = table["fid"].copy() if "fid" in table else np.full(len(table), math.nan)
    names = table["dataset"] if "dataset" in table else [""] * len(table)
    for dataset, value in given:
        here = np.array([dataset in (None, name) for name in names])
        if not here.any():
            have = ", ".join(dict.fromkeys(names))
            raise DataError(f"--fid: no data set {dataset!r} among {have}")
        fid[here & np.isnan(fid)] = value
    return Table({**table.columns, "fid": fid}, table.source, table.origin)


def _number(value, name: str, line: int, key: str) -> float:
    if value is None:
        return math.nan
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and can_compute(value)):
        raise DataError(f"{name}:{line}: {key}: found {value!r}; expected a number")
    return float(value)
