"""From a runs table to fit documents, advfit(5): selection, fit, accuracy line, held-out rows."""

from collections.abc import Callable

import numpy as np

from advlib.errors import DataError
from advlib.laws.document import FORMAT, VERSION, checked_fit
from advlib.laws.fit import Fit
from advlib.laws.fitting import objective
from advlib.laws.fitting.accuracy_line import accuracy_line
from advlib.laws.fitting.identifiability import determination
from advlib.laws.fitting.observations import (
    digest,
    flops_constant,
    require_numbers,
    rows_of_dataset,
    with_quality,
)
from advlib.laws.fitting.scores import predicted, r_squared, score
from advlib.laws.fitting.selection import Chosen, checkpoints, condition_text
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Fitted, Progress, Stage
from advlib.laws.form import Form
from advlib.laws.forms import fitting_module, form_of
from advlib.numbers import finite_json
from advlib.runs.table import Table

AT_PERFECT = ", at FID 0"  # end of units that the plain form, of its own data's quality, lacks


def documents(
    table: Table,
    approach: int,
    settings: Settings,
    notes: list[str] | None = None,
    progress: Progress = iter,
) -> list[dict]:
    """Fit one law: a document, or for Approach 1 one a data set.

    `notes` collects remarks for the user; `progress` wraps what takes long.  DataError for tables
    that cannot carry the law.
    """
    require_numbers(table, "loss", "a fit")
    form = form_of(approach, settings.variant)
    notes = [] if notes is None else notes
    table, settings = with_quality(table, settings)
    return fitting_module(form).documents(table, settings, notes, progress)


def surface_document(
    form: Form,
    fit: Callable[[Table, Settings], Fitted],
    table: Table,
    settings: Settings,
    notes: list[str],
) -> dict:
    """The document of a law of any N and D, fitted by `fit` to the best checkpoint of each run."""
    chosen = checkpoints(table, settings, notes)
    train = chosen.table.take(chosen.training)
    if not len(train):
        raise DataError(f"{table.source}: no rows left to fit after selection")
    fitted = fit(train, settings)
    notes += fitted.notes
    k, k_source = flops_constant(train, settings.k, notes)
    line, line_draws = accuracy_line(chosen, fitted.base, settings, notes)
    used = train.take(np.flatnonzero(fitted.used))
    document = first_fields(form, fitted.variant, settings) | {
        "parameters": fitted.parameters,
        "units": _units(form, fitted),
        "k": k,
        "k_source": k_source,
        "accuracy_line": line,
        "fitted_to": {
            "rows": len(used),
            "selection": chosen.steps,
            "base": fitted.base,
            "weights": settings.weights,
            "digest": digest(used),
        },
        "objective": {"name": objective.NAME, "delta": settings.delta},
        "stages": [_stage(form, stage) for stage in fitted.stages],
        "bootstrap": bootstrap_entry(settings, bool(fitted.draws), "run, within its data set"),
        "draws": fitted.draws | line_draws if fitted.draws else {},
    }
    fit_without_scatter = checked_fit(document)
    document["datasets"] = _datasets(fit_without_scatter, train, fitted.used, chosen)
    free = sum(len(stage.free) for stage in fitted.stages)
    document["residuals"] = _scatter(fit_without_scatter, used, free)
    if settings.holdout:
        rows = chosen.table.take(np.flatnonzero(chosen.held))
        scores = score(checked_fit(document), rows)
        document["holdout"] = {"rows_where": condition_text(settings.held_out), **scores}
        if not scores["rows"]:
            notes.append("no held-out row can be predicted: they have no FID")
    document["data"] = _data(chosen, fitted.used, k)
    return document


def first_fields(form: Form, variant: str, settings: Settings) -> dict:
    """What every document begins with."""
    quality = {"quality_column": settings.quality_column} if settings.quality_column else {}
    return {
        "format": FORMAT,
        "version": VERSION,
        "approach": form.approach,
        "variant": variant,
        "recipe": settings.recipe,
        **quality,
    }


def bootstrap_entry(settings: Settings, drawn: bool, unit: str) -> dict:
    """How many draws there are, and of what; without any, neither seed nor unit was used."""
    if not drawn:
        return {"draws": 0, "seed": None, "unit": None}
    return {"draws": settings.draws, "seed": settings.seed, "unit": unit}


def _units(form: Form, fitted: Fitted) -> dict[str, str]:
    """Units by parameter; a law without quality has its own data's, not that of FID 0."""
    units = {name: form.units[name] for name in fitted.parameters}
    if form.knows_quality(fitted.parameters):
        return units
    return {name: unit.removesuffix(AT_PERFECT) for name, unit in units.items()}


def _stage(form: Form, stage: Stage) -> dict:
    condition, parameters = determination(
        stage.free, stage.jacobian, stage.residuals, stage.parameters, form.signed
    )
    return finite_json(
        {
            "name": stage.name,
            "rows": stage.rows,
            "objective": stage.objective,
            "starts": stage.starts,
            "starts_at_minimum": stage.reached,
            "condition": condition,
            "at_bounds": stage.at_bounds,
            "floor_held": stage.floor_held,
            "parameters": parameters,
        }
    )


def _datasets(fit: Fit, train: Table, used: np.ndarray, chosen: Chosen) -> list[dict]:
    """Each data set with its FID and R2: of the rows that took part, and as the paper counts it,
    of all its runs, underfit ones too.
    """
    whole = chosen.table.take(np.flatnonzero(~chosen.held))
    out = []
    for name in dict.fromkeys(train.names("dataset").tolist()):
        rows = rows_of_dataset(train, [name])
        part = train.take(np.flatnonzero(rows))
        fid = finite_json(float(part["fid"][0])) if "fid" in part else None
        entry = {"dataset": name, "fid": fid, "rows": len(part), "fitted": bool(used[rows].all())}
        if fid is not None or not fit.has_quality:
            entry["r2"] = r_squared(part["loss"], predicted(fit, part))
            every = whole.take(np.flatnonzero(rows_of_dataset(whole, [name])))
            entry["r2_all_runs"] = r_squared(every["loss"], predicted(fit, every))
        out.append(entry)
    return out


def _scatter(fit: Fit, used: Table, free: int) -> list[float]:
    """Log residuals of the fitted rows, widened for the parameters that were fitted to them."""
    residual = np.log(predicted(fit, used) / used["loss"])
    wider = np.sqrt(len(residual) / max(len(residual) - free, 1))
    return (residual * wider).tolist()


def _data(chosen: Chosen, used: np.ndarray, k: float) -> dict[str, list]:
    """The rows behind the fit, for figures and residuals: columns, with the role of each row."""
    table = chosen.table
    role = np.where(chosen.held, "held out", np.where(chosen.underfit, "left out", "not fitted"))
    role[chosen.training[used]] = "fitted"
    flops = table["flops"] if "flops" in table else k * table["params"] * table["samples"]
    out: dict[str, list] = {n: table[n] for n in ("run", "model", "dataset") if n in table}
    for name in ("fid", "params", "samples", "loss", "accuracy"):
        if name in table:
            out[name] = finite_json(table[name].tolist())
    return out | {"flops": finite_json(flops.tolist()), "role": role.tolist()}
