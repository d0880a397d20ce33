"""Observed losses beside the curves of a law: a panel each model or each data set.

Source: Bartoldson et al. 2024, Figs. 5 and 12.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, fit_runs, fit_values, run_markers, style
from advlib.laws.fit import Fit
from advlib.laws.fitting.predictions import predict_table
from advlib.runs.table import Table

POINTS = 25  # along a curve
# the axis that shows each grouping best: data sets share the images seen, models only the compute
AXES = {"model": "samples", "dataset": "flops"}


def draw(
    fits: Sequence[Fit],
    by: str = "model",
    runs: Table | None = None,
    width: float = canvas.DOUBLE,
) -> Figure:
    """Loss against images seen (`by` model) or FLOPs (`by` dataset) for the runs behind the fit, or
    `runs`; curves are the law over the range of the runs, bands 95 % prediction intervals of one
    run, as advpredict prints them.
    """
    fit = fit_values.only_fit(fits, "fits")
    fit_values.require_approach(fits, "fits", 2, 3)
    table = fit_runs.shown_runs(fit, runs)
    table = table.take(np.flatnonzero(np.isfinite(table["loss"])))
    if not len(table):
        raise DataError(f"{table.source}: no run has a loss")
    other = "dataset" if by == "model" else "model"
    groups, series = fit_runs.names_of_runs(table, by), fit_runs.names_of_runs(table, other)
    panels = fit_runs.ordered_names(table, by)
    names = fit_runs.ordered_names(table, other)
    columns = min(4, math.ceil(math.sqrt(len(panels))) + 1)
    figure, axes = canvas.panels(len(panels), width, columns, 0.95, (True, by == "model"))
    inks = dict(zip(names, style.inks(len(names)), strict=True))
    opacity = style.BAND if by == "model" else style.FAINT  # models lie on one frontier
    xs = fit_runs.flops_of(fit, table) if AXES[by] == "flops" else table["samples"]
    for panel, group in zip(axes, panels, strict=True):
        for name in names:
            rows = np.flatnonzero((groups == group) & (series == name))
            if len(rows):
                label = style.plain_label(name)
                _curve(panel, fit, table.take(rows), AXES[by], inks[name], label, opacity)
                _points(panel, xs[rows], table.take(rows), inks[name])
        panel.set_title(style.plain_label(group))
    for panel in axes:
        if AXES[by] == "flops":
            canvas.log_axis(panel.xaxis, style.FLOPS)
        else:
            canvas.log_axis(panel.xaxis, style.SAMPLES, counts=True)
        canvas.plain_axis(panel.yaxis, style.LOSS)
    canvas.label_outer_panels(figure)
    canvas.legend(figure, run_markers.role_legend(table))
    return figure


def _curve(axes, fit, table, axis, ink, label, opacity) -> None:
    """The law for one model and data set over the range of its runs."""
    if fit.has_quality and not ("fid" in table and np.isfinite(table["fid"][0])):
        return
    ends = table["samples"].min() / 1.15, table["samples"].max() * 1.15
    samples = np.geomspace(*ends, POINTS)
    columns: dict[str, Any] = {"params": np.full(POINTS, table["params"][0]), "samples": samples}
    if fit.has_quality:
        columns["fid"] = np.full(POINTS, table["fid"][0])
    rows = list(predict_table([fit], Table(columns, fit.name)))
    loss, low, high = (
        np.array([row[f"predicted_loss{end}"] for row in rows], dtype=float)
        for end in ("", "_low", "_high")
    )
    x = samples if axis == "samples" else fit.k * columns["params"] * samples
    band = (low, high) if fit.draws else None
    canvas.curve(axes, x, loss, ink, label, band, opacity, 0.9)


def _points(axes, x, table, ink) -> None:
    parts = run_markers.roles_of(table)
    for role in dict.fromkeys(parts.tolist()):
        rows = parts == role
        axes.plot(x[rows], table["loss"][rows], **run_markers.marker_style(role, ink.color))
