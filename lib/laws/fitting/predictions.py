"""Predictions for the rows of a table, vectorised over rows and draws; see `predict` for one run.

The interval of a prediction is for one run: each bootstrap draw's law, moved by one of the
residuals of the runs that were fitted.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from advlib.errors import DataError
from advlib.laws.document import LEVEL, Fit, Member
from advlib.laws.predict import scattered
from advlib.laws.rows import needs_surface
from advlib.runs.table import Table, plain_values

BLOCK = 20_000  # rows predicted together: draws times rows stay within memory


def predict_table(fits: Sequence[Fit], table: Table) -> Iterator[dict]:
    """The table's rows with `predicted_loss` and `predicted_accuracy` and their 95 % prediction
    intervals; with several fits, each fit's rows in turn, and its `approach`.

    Needs params, samples, and for a law with quality fid, or dataset with a name of the fit.
    Raises DataError naming the row that has neither.
    """
    for fit in fits:
        needs_surface(fit, "predicts")
        fids = _fids(fit, table)
        for first in range(0, len(table), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(table)))
            yield from _block(fit, table.take(rows), fids[rows], len(fits) > 1)


def _fids(fit, table) -> np.ndarray:
    if not fit.has_quality:
        return np.zeros(len(table))
    fids = np.array(table["fid"]) if "fid" in table else np.full(len(table), np.nan)
    if "dataset" in table:
        named = np.array([fit.fids.get(name, np.nan) for name in table["dataset"]])
        fids = np.where(np.isnan(fids), named, fids)
    if np.isnan(fids).any():
        row = int(np.argmax(np.isnan(fids)))
        raise DataError(
            f"{table.place(row)}: no fid, and no dataset that the fit knows; expected one of them"
        )
    return fids


def _block(fit, table, fids, several):
    best = surface_losses(fit, fit.best, table, fids)
    columns = {"predicted_loss": best, "predicted_accuracy": _accuracy(fit.best, best)}
    if fit.draws:
        pairs = scattered(fit)
        losses = np.array([surface_losses(fit, m, table, fids) * np.exp(-e) for m, e in pairs])
        accuracies = np.array(
            [_accuracy(m, row) for (m, _), row in zip(pairs, losses, strict=True)]
        )
        for name, values in (("predicted_loss", losses), ("predicted_accuracy", accuracies)):
            low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            columns |= {f"{name}_low": low, f"{name}_high": high}
    else:
        for name in ("predicted_loss", "predicted_accuracy"):
            columns |= {f"{name}_low": [None] * len(best), f"{name}_high": [None] * len(best)}
    order = [
        f"predicted_{what}{end}" for what in ("loss", "accuracy") for end in ("", "_low", "_high")
    ]
    own = {name: plain_values(column) for name, column in table.columns.items()}
    for i in range(len(best)):
        row = {"approach": fit.approach} if several else {}
        row |= {name: column[i] for name, column in own.items()}
        yield row | {name: _scalar(columns[name][i]) for name in order}


def surface_losses(fit: Fit, member: Member, table: Table, fids: np.ndarray) -> np.ndarray:
    """The loss, in nats, that a law of Approach 2 or 3 gives each row at its FID in `fids`, (n,);
    NaN where that is NaN.
    """
    out = np.full(len(table), np.nan)
    for fid in np.unique(fids[np.isfinite(fids)]):
        rows = fids == fid
        law = fit.law(member, float(fid))
        with np.errstate(divide="ignore"):  # log c of perfect data is -inf
            out[rows] = law.loss(table["params"][rows], table["samples"][rows], np)
    return out


def _accuracy(member, loss):
    return np.clip(member.slope * loss + member.intercept, 0.0, 1.0)


def _scalar(value):
    return None if value is None else float(value)
