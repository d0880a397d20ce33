"""From a runs table to fit documents, advfit(5): selection, fit, accuracy line, held-out rows."""

import hashlib
from dataclasses import replace

import numpy as np

from advlib.errors import DataError
from advlib.laws.document import FORMAT, FORMS, PUBLISHED_LINE, VERSION, read_fit
from advlib.laws.fitting import approach1 as envelope
from advlib.laws.fitting.accuracy_line import accuracy_line
from advlib.laws.fitting.fit import Fitted, fit_approach2, fit_approach3
from advlib.laws.fitting.identifiability import determination
from advlib.laws.fitting.scores import on_frontier, predicted, r_squared, score
from advlib.laws.fitting.selection import (
    Chosen,
    Request,
    checkpoints,
    condition_text,
    flops_constant,
    require_numbers,
)
from advlib.runs import select
from advlib.runs.table import Table


def documents(table: Table, approach: int, request: Request) -> list[dict]:
    """Fit one approach: a document, or for Approach 1 one a data set.  DataError for tables that
    cannot carry the law; `request.notes` collects remarks for the user.
    """
    require_numbers(table, "loss", "a fit")
    if approach == 1:
        require_numbers(table, "flops", "approach 1")
        return _approach1(table, request)
    chosen = checkpoints(table, request)
    fits = {2: fit_approach2, 3: fit_approach3}
    train = chosen.table.take(np.flatnonzero(~chosen.held & ~chosen.underfit))
    if not len(train):
        raise DataError(f"{table.source}: no rows left to fit after selection")
    fitted = fits[approach](train, request.settings)
    request.notes += fitted.notes
    return [_document(approach, fitted, train, chosen, request)]


def _document(approach, fitted: Fitted, train, chosen, request) -> dict:
    settings = request.settings
    form = FORMS[approach]
    k = flops_constant(train, request)
    line, line_draws = accuracy_line(chosen, fitted.base, request)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "approach": approach,
        "variant": fitted.variant,
        "recipe": settings.recipe,
        "parameters": fitted.parameters,
        "units": _units(form, fitted),
        "k": k,
        "accuracy_line": line,
        "fitted_to": {
            "rows": int(fitted.used.sum()),
            "selection": chosen.steps,
            "base": fitted.base,
            "weights": settings.error_column,
            "digest": digest(train.take(np.flatnonzero(fitted.used))),
        },
        "objective": {"name": "mean Huber of log residuals", "delta": settings.delta},
        "stages": [_stage(stage) for stage in fitted.stages],
        "bootstrap": {
            "draws": settings.bootstrap if fitted.draws else 0,
            "seed": settings.seed,
            "unit": "run, within its data set",
        },
        "draws": fitted.draws | line_draws if fitted.draws else {},
    }
    used = train.take(np.flatnonzero(fitted.used))
    fit = read_fit("fit", document)
    document["datasets"] = _datasets(fit, train, fitted.used, chosen)
    document["residuals"] = _scatter(fit, used, sum(len(s.free) for s in fitted.stages))
    fit = read_fit("fit", document)
    if request.holdout:
        rows = chosen.table.take(np.flatnonzero(chosen.held))
        document["holdout"] = {"rows_where": condition_text(request.holdout), **score(fit, rows)}
        if not document["holdout"]["rows"]:
            request.notes.append("no held-out row can be predicted: they have no FID")
    document["data"] = _data(chosen, train, fitted.used, k)
    return document


def _units(form, fitted) -> dict[str, str]:
    """Units by parameter; the plain form has its own data's quality, not FID 0."""
    units = {name: form.UNITS[name] for name in fitted.parameters}
    if fitted.variant == "plain":
        units = {name: unit.removesuffix(", at FID 0") for name, unit in units.items()}
    return units


def _stage(stage) -> dict:
    condition, parameters = determination(
        stage.free, stage.jacobian, stage.residuals, stage.parameters
    )
    return {
        "name": stage.name,
        "rows": stage.rows,
        "objective": stage.objective,
        "starts": stage.starts,
        "starts_at_minimum": stage.reached,
        "condition": condition if np.isfinite(condition) else None,
        "parameters": {
            name: {**entry, "standard_error": _finite(entry["standard_error"])}
            for name, entry in parameters.items()
        },
    }


def _finite(value):
    return value if np.isfinite(value) else None


def _approach1(table, request) -> list[dict]:
    if request.holdout and not select.where(table, request.holdout).any():
        raise DataError(f"--holdout {condition_text(request.holdout)}: no row satisfies it")
    names = request.datasets
    if "dataset" in table:
        have = dict.fromkeys(table["dataset"])
        for name in names:
            if name not in have:
                raise DataError(f"{table.source}: no data set {name!r}; has {', '.join(have)}")
        parts = {
            name: table.take(np.flatnonzero(np.array(table["dataset"]) == name))
            for name in (names or have)
        }
    elif names:
        raise DataError(f"{table.source}: no column 'dataset' to choose {names[0]!r} by")
    else:
        parts = {"": table}
    return [_envelope_document(name, part, request) for name, part in parts.items()]


def _envelope_document(name, table, request) -> dict:
    steps, settings, whole = [], request.settings, table
    if "run" in table:
        late = select.finished_enough(table, request.min_fraction)
        if request.holdout:
            held = select.where(table, request.holdout)
            runs = {run for run, out in zip(table["run"], held, strict=True) if out}
            late &= np.array([run not in runs for run in table["run"]])
            steps.append(f"held out, runs with {condition_text(request.holdout)}: {len(runs)}")
        table = replace(table.take(np.flatnonzero(late)), source=table.source)
        if not len(table):
            raise DataError(f"{table.source}: no checkpoints of {name or 'any data set'} are left")
        steps.append(f"samples >= {request.min_fraction:g} * planned_samples: {len(table)} rows")
    curves = envelope.curves_of(table)
    line = curves.envelope()
    if curves.kind == "frontier":
        request.notes.append(
            f"{name}: one checkpoint a run, so no learning curves: the envelope is the frontier of "
            f"{len(line['flops'])} of {len(table)} runs"
        )
    try:
        parameters, r2 = envelope.regress(line)
    except DataError as err:
        raise DataError(f"{table.source}: data set {name!r}: {err}") from None
    drawn = {}
    if settings.bootstrap:
        drawn = envelope.bootstrap(curves, settings.bootstrap, settings.seed)
        if not drawn:
            request.notes.append(f"{name}: too few runs on the envelope to resample: no intervals")
    fid = table["fid"][0] if "fid" in table else None
    accuracies, line_draws = dict(PUBLISHED_LINE), {}
    if "run" in whole:
        everything = checkpoints(whole, replace(request, holdout=(), keep_underfit=True))
        accuracies, line_draws = accuracy_line(everything, None, request)
    law = parameters["l0"] * line["flops"] ** -parameters["c"]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "approach": 1,
        "variant": curves.kind,
        "recipe": settings.recipe,
        "parameters": parameters,
        "units": FORMS[1].UNITS,
        "k": flops_constant(table, request),
        "accuracy_line": accuracies,
        "fitted_to": {
            "rows": len(table),
            "selection": steps,
            "points": len(line["flops"]),
            "digest": digest(table),
        },
        "r2": r2,
        "datasets": [{"dataset": name, "fid": None if fid is None else _finite(float(fid))}],
        "bootstrap": {
            "draws": settings.bootstrap if drawn else 0,
            "seed": settings.seed,
            "unit": "stretch of the envelope" if curves.kind == "envelope" else "run",
        },
        "draws": drawn | line_draws if drawn else {},
        "residuals": np.log(law / line["loss"]).tolist(),
        "envelope": {key: values.tolist() for key, values in line.items()},
    }
    if request.holdout and "run" in whole and select.where(whole, request.holdout).any():
        document["holdout"] = _envelope_holdout(name, document, whole, request)
    return document


def _envelope_holdout(name, document, table, request) -> dict:
    """Scores on the held-out rows of the frontier, of which alone Approach 1 speaks."""
    chosen = checkpoints(table, replace(request, keep_underfit=True))
    rows = chosen.held & on_frontier(chosen.table)
    scores = score(read_fit(name, document), chosen.table.take(np.flatnonzero(rows)))
    return {"rows_where": f"{condition_text(request.holdout)}, on the frontier", **scores}


def _datasets(fit, train, used, chosen) -> list[dict]:
    """Each data set with its FID and R2: of the rows that took part, and as the paper counts it,
    of all its runs, underfit ones too.
    """
    whole = chosen.table.take(np.flatnonzero(~chosen.held))
    names = np.array(train["dataset"] if "dataset" in train else [""] * len(train))
    out = []
    for name in dict.fromkeys(names.tolist()):
        rows = names == name
        part = train.take(np.flatnonzero(rows))
        fid = float(part["fid"][0]) if "fid" in part and np.isfinite(part["fid"][0]) else None
        entry = {"dataset": name, "fid": fid, "rows": len(part), "fitted": bool(used[rows].all())}
        if fid is not None or not fit.has_quality:
            entry["r2"] = r_squared(part["loss"], predicted(fit, part))
            every = np.array(whole["dataset"] if "dataset" in whole else [""] * len(whole)) == name
            every = whole.take(np.flatnonzero(every))
            entry["r2_all_runs"] = r_squared(every["loss"], predicted(fit, every))
        out.append(entry)
    return out


def _scatter(fit, used, free) -> list[float]:
    """Log residuals of the fitted rows, widened for the parameters that were fitted to them."""
    residual = np.log(predicted(fit, used) / used["loss"])
    wider = np.sqrt(len(residual) / max(len(residual) - free, 1))
    return (residual * wider).tolist()


def _data(chosen: Chosen, train, used, k) -> dict[str, list]:
    """The rows behind the fit, for figures and residuals: columns, with the role of each row."""
    table = chosen.table
    role = np.where(chosen.held, "held out", np.where(chosen.underfit, "left out", "not fitted"))
    inside = np.flatnonzero(~chosen.held & ~chosen.underfit)
    role[inside[used]] = "fitted"
    flops = table["flops"] if "flops" in table else k * table["params"] * table["samples"]
    out = {name: table[name] for name in ("run", "model", "dataset") if name in table}
    for name in ("fid", "params", "samples", "loss", "accuracy"):
        if name in table:
            out[name] = [_finite(value) for value in table[name].tolist()]
    return out | {"flops": [_finite(v) for v in flops.tolist()], "role": role.tolist()}


def digest(table: Table) -> str:
    """sha256 over the rows' numbers, whatever their order."""
    names = [n for n in ("dataset", "fid", "params", "samples", "flops", "loss") if n in table]
    lines = sorted(
        ",".join(map(repr, row))
        for row in zip(
            *(table[n] if isinstance(table[n], list) else table[n].tolist() for n in names),
            strict=True,
        )
    )
    return "sha256:" + hashlib.sha256("\n".join([",".join(names), *lines]).encode()).hexdigest()
