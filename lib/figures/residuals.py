"""How far each run lies from its law: log residuals against size, data, compute and quality.

The residual is log(observed / predicted loss), near the relative error; runs beyond the Huber delta
of the fit pull on it with a constant force only.
Source: Bartoldson et al. 2024, App. F (objective); these panels are our own.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, fit_runs, fit_values, run_markers, style
from advlib.laws.fit import Fit
from advlib.laws.fitting.predictions import predicted
from advlib.runs.table import Table


def draw(fits: Sequence[Fit], runs: Table | None = None, width: float = canvas.DOUBLE) -> Figure:
    """Four panels: residuals of the runs behind the fit, or of `runs`, by data set, against N, D,
    FLOPs, and FID (predicted loss where the law knows no quality).
    """
    fit = fit_values.only_fit(fits, "residuals")
    table = fit_runs.shown_runs(fit, runs)
    flops = fit_runs.flops_of(fit, table)
    table = Table({**table.columns, "flops": flops}, table.source)
    if fit.has_quality and "fid" not in table:
        raise DataError(f"{table.source}: no column 'fid', on which the law depends")
    guess = predicted(fit, table)
    known = np.isfinite(guess) & np.isfinite(table["loss"])
    if not known.any():
        raise DataError(f"{table.source}: no run has what the law needs: loss, N, D and quality")
    table, guess = table.take(np.flatnonzero(known)), guess[known]
    residual = np.log(table["loss"] / guess)
    last = table["fid"] if fit.has_quality else guess
    figure, axes = canvas.panels(4, width, columns=2, ratio=0.68)
    names = fit_runs.names_of_runs(table, "dataset")
    unique = fit_runs.ordered_names(table, "dataset")
    fitted = np.isin(run_markers.roles_of(table), run_markers.FILLED)
    for x, panel in zip(
        (table["params"], table["samples"], table["flops"], last), axes, strict=True
    ):
        _reference(panel, fit)
        for name, ink in zip(unique, style.inks(len(unique)), strict=True):
            for inside in (True, False):
                rows = (names == name) & (fitted == inside)
                panel.plot(
                    x[rows],
                    residual[rows],
                    linestyle="",
                    marker=ink.marker,
                    markersize=3,
                    color=ink.color,
                    markerfacecolor=ink.color if inside else "none",
                    markeredgewidth=0.6,
                    label=style.plain_label(name) if inside else None,
                )
    canvas.log_axis(axes[0].xaxis, style.PARAMS, counts=True)
    canvas.log_axis(axes[1].xaxis, style.SAMPLES, counts=True)
    canvas.log_axis(axes[2].xaxis, style.FLOPS)
    if fit.has_quality:
        canvas.quality_axis(axes[3].xaxis)
    else:
        canvas.plain_axis(axes[3].xaxis, "predicted " + style.LOSS)
    for panel, label in zip(axes, ("log(observed/predicted)", "") * 2, strict=True):
        canvas.plain_axis(panel.yaxis, label)
    hollow = [] if fitted.all() else [_hollow_key()]
    canvas.legend(figure, hollow)
    return figure


def _hollow_key():
    return canvas.legend_entry(
        "open: not fitted",
        linestyle="",
        marker="o",
        markersize=3,
        color=style.GREY,
        markerfacecolor="none",
        markeredgewidth=0.6,
    )


def _reference(axes, fit) -> None:
    axes.axhline(0, color="black", linewidth=0.7)
    delta = fit_values.recorded_number(fit, "objective", "delta")
    if delta is not None:
        for sign, label in ((1, f"Huber delta, {delta:g}"), (-1, None)):
            axes.axhline(
                sign * delta,
                color=style.GREY,
                linewidth=0.7,
                linestyle=style.DASHES[3],
                label=label,
            )
