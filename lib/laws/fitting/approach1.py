"""Fitting Approach 1: three regressions on the compute envelope of one data set.

N of the run that is lowest at a budget, the samples it had seen and its loss give N* ~ FLOPs^a,
D* ~ FLOPs^b, L* ~ FLOPs^-c, by least squares in log10.

Source: Bartoldson et al. 2024, Sec. 3.2, App. F; official `scaling_law_utils.py`.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from advlib.errors import DataError
from advlib.laws.approach1 import FORM
from advlib.laws.document import checked_fit
from advlib.laws.fit import PUBLISHED_LINE
from advlib.laws.fitting.accuracy_line import accuracy_line
from advlib.laws.fitting.bootstrap import drawn_again
from advlib.laws.fitting.documents import bootstrap_entry, first_fields
from advlib.laws.fitting.envelope import Curves, curves_of, enough
from advlib.laws.fitting.observations import (
    digest,
    flops_constant,
    require_numbers,
    rows_of_dataset,
)
from advlib.laws.fitting.scores import score
from advlib.laws.fitting.selection import (
    checkpoints,
    condition_text,
    held_out,
    on_frontier,
    trained_enough,
)
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Progress
from advlib.numbers import finite_json
from advlib.runs.table import Table

LINES = {"params": ("n0", "a"), "samples": ("d0", "b"), "loss": ("l0", "c")}


def documents(
    table: Table, settings: Settings, notes: list[str], progress: Progress = iter
) -> list[dict]:
    """The fit documents of a table, one a data set; see `documents`."""
    require_numbers(table, "flops", "approach 1")
    if settings.holdout:
        held_out(table, settings.held_out)
        if "run" not in table:
            raise DataError(f"{table.source}: --holdout: an envelope has no runs to hold out")
    return [_document(name, part, settings, notes) for name, part in _by_dataset(table, settings)]


def _by_dataset(table: Table, settings: Settings) -> Iterator[tuple[str, Table]]:
    """The rows of each data set that is asked for, by name; "" where the table has no names."""
    wanted = settings.datasets
    if "dataset" not in table:
        if wanted:
            raise DataError(f"{table.source}: no column 'dataset' to choose {wanted[0]!r} by")
        yield "", table
        return
    have = dict.fromkeys(table["dataset"])
    for name in wanted:
        if name not in have:
            raise DataError(f"{table.source}: no data set {name!r}; has {', '.join(have)}")
    for name in wanted or have:
        yield name, table.take(np.flatnonzero(rows_of_dataset(table, [name])))


def regress(envelope: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, float]]:
    """The six parameters (see `approach1`) and R2 of each regression, by least squares in log10.

    Raises DataError with fewer than three budgets.
    """
    x = np.log10(envelope["flops"])
    if not enough(envelope):
        raise DataError(f"the envelope has {len(x)} points; a power law needs three or more")
    parameters, r2 = {}, {}
    for column, (offset, slope) in LINES.items():
        y = np.log10(envelope[column])
        gradient, intercept = np.polyfit(x, y, 1)
        parameters[offset], parameters[slope] = float(intercept), float(gradient)
        spread = np.sum((y - y.mean()) ** 2)
        residual = np.sum((y - intercept - gradient * x) ** 2)
        r2[column] = float(1 - residual / spread) if spread > 0 else 1.0
    parameters["l0"], parameters["c"] = 10 ** parameters["l0"], -parameters["c"]
    return parameters, r2


def bootstrap(curves: Curves, draws: int, seed: int) -> dict[str, list[float]]:
    """Refit with runs drawn with replacement (of an envelope table, the stretches that one run
    holds); draws whose envelope is too short for a line are drawn again.
    """

    def law_of(units: np.ndarray) -> dict[str, float] | None:
        envelope = curves.resampled(units)
        return regress(envelope)[0] if enough(envelope) else None

    return drawn_again(draws, len(curves.loss), seed, law_of)


def _late_checkpoints(table: Table, settings: Settings) -> tuple[Table, list[str]]:
    """The rows of runs that are not held out, half trained or more, and the steps in words."""
    if "run" not in table:
        return table, []
    steps = []
    if settings.holdout:
        held = set(np.array(table["run"])[_held(table, settings)].tolist())
        kept = np.array([run not in held for run in table["run"]])
        steps.append(f"held out, runs with {condition_text(settings.held_out)}: {len(held)}")
        table = replace(table.take(np.flatnonzero(kept)), source=table.source)
        if not len(table):
            raise DataError(f"{table.source}: no run is left that is not held out")
    table, late = trained_enough(table, settings.min_fraction)
    return table, steps + late


def _held(table: Table, settings: Settings) -> np.ndarray:
    return table.where(settings.held_out)


def _document(name: str, whole: Table, settings: Settings, notes: list[str]) -> dict:
    table, steps = _late_checkpoints(whole, settings)
    curves = curves_of(table)
    line = curves.envelope()
    if curves.kind == "frontier":
        notes.append(
            f"{name}: one checkpoint a run, so no learning curves: the envelope is the frontier of "
            f"{len(line['flops'])} of {len(table)} runs"
        )
    try:
        parameters, r2 = regress(line)
    except DataError as err:
        raise DataError(f"{table.source}: data set {name!r}: {err}") from None
    if len(np.unique(line["params"])) == 1:
        notes.append(f"{name}: the envelope has one size of model: N* and its exponent say nothing")
    drawn = bootstrap(curves, settings.draws, settings.seed)
    if settings.draws and not drawn:
        notes.append(f"{name}: too few runs on the envelope to resample: no intervals")
    accuracies, line_draws = dict(PUBLISHED_LINE), dict[str, list[float]]()
    if "run" in whole:
        everything = replace(settings, holdout=(), keep_underfit=True)
        chosen = checkpoints(whole, everything, notes)
        accuracies, line_draws = accuracy_line(chosen, None, settings, notes)
    fid = finite_json(float(table["fid"][0])) if "fid" in table else None
    k, k_source = flops_constant(table, settings.k, notes)
    law = parameters["l0"] * line["flops"] ** -parameters["c"]
    unit = "stretch of the envelope" if curves.kind == "envelope" else "run"
    document = first_fields(FORM, curves.kind, settings) | {
        "parameters": parameters,
        "units": FORM.units,
        "k": k,
        "k_source": k_source,
        "accuracy_line": accuracies,
        "fitted_to": {
            "rows": len(table),
            "selection": steps,
            "points": len(line["flops"]),
            "digest": digest(table),
        },
        "r2": r2,
        "datasets": [{"dataset": name, "fid": fid}],
        "bootstrap": bootstrap_entry(settings, bool(drawn), unit),
        "draws": drawn | line_draws if drawn else {},
        "residuals": np.log(law / line["loss"]).tolist(),
        "envelope": {key: values.tolist() for key, values in line.items()},
    }
    if settings.holdout and _held(whole, settings).any():
        document["holdout"] = _scores(name, document, whole, settings)
    return document


def _scores(name: str, document: dict, table: Table, settings: Settings) -> dict:
    """Scores on the held-out rows of the frontier, of which alone Approach 1 speaks."""
    chosen = checkpoints(table, replace(settings, keep_underfit=True), [])
    rows = chosen.held & on_frontier(chosen.table)
    scores = score(checked_fit(document, name), chosen.table.take(np.flatnonzero(rows)))
    return {"rows_where": f"{condition_text(settings.held_out)}, on the frontier", **scores}
