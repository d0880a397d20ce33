"""Approach 1: the compute envelope and its three power laws.

Source: Bartoldson et al. 2024, Figs. 3 and 10, Sec. 3.2.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, fit_runs, fit_values, style
from advlib.laws.fit import Fit
from advlib.runs.table import Table, numbered

# column of the envelope, what to read at an optimum, exponent and its sign, name in the title
PANELS = (("loss", "c", -1, "L^*"), ("params", "a", 1, "N^*"), ("samples", "b", 1, "D^*"))
MANY = 20_000  # points of curves beyond which they are a picture inside the PDF or SVG


def draw(fits: Sequence[Fit], runs: Table | None = None, width: float = canvas.DOUBLE) -> Figure:
    """Loss, N and D of the envelope against FLOPs, one panel each: points, and the power law with
    its 95 % band, for each fit; learning curves of `runs` (rows of the fits' data sets) beneath
    the loss.
    """
    fit_values.require_approach(fits, "envelope", 1)
    figure, axes = canvas.panels(3, width, columns=3, ratio=0.95)
    if runs is not None:
        _learning_curves(axes[0], fits, runs)
    inks = style.inks(len(fits) + 1)[: len(fits)]
    for fit, name, ink in zip(fits, _names(fits), inks, strict=True):
        table = fit_runs.runs_of_fit(fit)
        if table is None or "flops" not in table:
            raise DataError(
                f"{fit.name}: approach 1 without its envelope; expected a fit that advfit wrote"
            )
        x = np.geomspace(table["flops"].min(), table["flops"].max(), fit_values.POINTS)
        law = fit.law(fit.best, 0.0)
        for panel, (column, exponent, sign, symbol) in zip(axes, PANELS, strict=True):
            panel.plot(
                table["flops"],
                table[column],
                linestyle="",
                marker=ink.marker,
                markersize=2,
                color=ink.color,
                markerfacecolor="none",
                markeredgewidth=0.5,
            )

            def read(member, curve, budget, column=column):
                return getattr(curve.optimum(budget), column)

            y = np.array([read(fit.best, law, budget) for budget in x.tolist()])
            canvas.curve(panel, x, y, ink, name, fit_values.draws_band(fit, 0.0, x, read))
            if len(fits) == 1:
                power = f"FLOPs^{{{sign * fit.best.parameters[exponent]:.3g}}}"
                r2 = fit_values.recorded_number(fit, "r2", column)
                tail = "" if r2 is None else f"  ($R^2$ {r2:.3f})"
                panel.set_title(rf"${symbol} \propto \mathrm{{{power}}}${tail}")
    canvas.plain_axis(axes[0].yaxis, style.LOSS, log=True)
    canvas.log_axis(axes[1].yaxis, style.PARAMS, counts=True)
    canvas.log_axis(axes[2].yaxis, style.SAMPLES, counts=True)
    for panel in axes:
        canvas.log_axis(panel.xaxis, style.FLOPS)
    canvas.legend(figure)
    return figure


def _names(fits) -> list[str]:
    names = [fit_values.quality_name(*fit.qualities((), ())[0]) or "envelope" for fit in fits]
    if len(fits) == 1:
        return names
    return [
        rf"{name}: $N^* \propto \mathrm{{FLOPs}}^{{{p['a']:.2f}}}$, "
        rf"$D^* \propto \mathrm{{FLOPs}}^{{{p['b']:.2f}}}$"
        for name, p in zip(names, (fit.best.parameters for fit in fits), strict=True)
    ]


def _learning_curves(axes, fits, runs) -> None:
    """Thin grey lines, and dots for runs of one checkpoint."""
    known = {name for fit in fits for name in fit.fids}
    rows = np.arange(len(runs))
    if "dataset" in runs and known & set(runs["dataset"]):
        rows = np.flatnonzero([name in known for name in runs["dataset"]])
    runs = runs.take(rows)
    flops = fit_runs.flops_of(fits[0], runs)
    run = numbered(runs["run"]) if "run" in runs else np.arange(len(runs))
    order = np.lexsort((flops, run))
    points = np.column_stack([flops, runs["loss"]])[order]
    good = np.isfinite(points).all(axis=1)
    points, run = points[good], run[order][good]
    curves = np.split(points, np.flatnonzero(np.diff(run)) + 1)
    if lines := [curve for curve in curves if len(curve) > 1]:
        axes.add_collection(
            LineCollection(
                lines,
                colors="0.7",
                linewidths=0.4,
                zorder=1,
                label="learning curves",
                rasterized=len(points) > MANY,
            )
        )
    if dots := [curve[0] for curve in curves if len(curve) == 1]:
        axes.plot(
            *np.transpose(dots),
            linestyle="",
            marker=".",
            markersize=2.5,
            color="0.6",
            zorder=1,
            label="runs",
        )
    axes.autoscale_view()
