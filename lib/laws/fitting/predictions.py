"""Predictions for the rows of a table; see `predict` for the interval of one run."""

from collections.abc import Iterator, Sequence

import numpy as np

from advlib.errors import DataError
from advlib.laws.fit import Fit
from advlib.laws.fitting.observations import qualities
from advlib.laws.predict import predictions
from advlib.laws.rows import ENDS, require_surface
from advlib.runs.table import Table, plain_values

BLOCK = 20_000  # rows predicted together, so that memory does not grow with the table
PREDICTED = [f"{what}{end}" for what in ("loss", "accuracy") for end in ("", *ENDS)]


def predict_table(fits: Sequence[Fit], table: Table) -> Iterator[dict]:
    """The table's rows with `predicted_loss` and `predicted_accuracy` and their 95 % prediction
    intervals; with several fits, each fit's rows in turn, and its `approach`.

    Needs params, samples, and for a law with quality fid, or dataset with a name of the fit.
    Raises DataError naming the row that has neither.
    """
    for fit in fits:
        require_surface(fit, "predicts")
        fids = _fids(fit, table)
        for first in range(0, len(table), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(table)))
            part = table.take(rows)
            own = {name: plain_values(column) for name, column in part.columns.items()}
            for i, found in enumerate(row_predictions(fit, part, fids[rows])):
                row = {"approach": fit.approach} if len(fits) > 1 else {}
                row |= {name: column[i] for name, column in own.items()}
                yield row | {f"predicted_{name}": found[name] for name in PREDICTED}


def row_predictions(fit: Fit, table: Table, fids: np.ndarray) -> list[dict]:
    """`predictions` for each row of a table, at its FID in `fids`, (n,); NaN, of a law without
    quality, stands for any.
    """
    columns = ("params", "samples") if fit.form.surface else ("flops",)
    runs = list(zip(*(table[name].tolist() for name in columns), strict=True))
    out: list[dict] = [{}] * len(runs)
    at = np.where(np.isnan(fids), -1.0, fids)
    for fid in np.unique(at).tolist():
        rows = np.flatnonzero(at == fid).tolist()
        for row, found in zip(rows, predictions(fit, fid, [runs[i] for i in rows]), strict=True):
            out[row] = found
    return out


def _fids(fit: Fit, table: Table) -> np.ndarray:
    if not fit.has_quality:
        return np.zeros(len(table))
    column = fit.quality_column
    fids = qualities(table, column) if column in table else np.full(len(table), np.nan)
    if "dataset" in table:
        named = np.array([fit.fids.get(name, np.nan) for name in table["dataset"]])
        fids = np.where(np.isnan(fids), named, fids)
    if np.isnan(fids).any():
        row = int(np.argmax(np.isnan(fids)))
        raise DataError(
            f"{table.place(row)}: no {column}, and no dataset that the fit knows; expected one of"
            " them"
        )
    return fids


def predicted(fit: Fit, table: Table) -> np.ndarray:
    """The loss, in nats, that the best law of `fit` gives each row, shape (n,); NaN where a law
    with quality meets a row without FID.
    """
    if not fit.form.surface:
        return fit.law(fit.best, 0.0, np).optimum(table["flops"]).loss
    fids = table["fid"] if fit.has_quality else np.zeros(len(table))
    with np.errstate(divide="ignore"):  # log c of perfect data is -inf
        return fit.law(fit.best, fids, np).loss(table["params"], table["samples"])
