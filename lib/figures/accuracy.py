"""Adversarial accuracy against adversarial loss, and the line that links them.

Source: Bartoldson et al. 2024, Fig. 11, App. F.2.2.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, fit_runs, fit_values, style
from advlib.laws.fit import PUBLISHED_LINE, Fit
from advlib.laws.intervals import LEVEL
from advlib.runs.table import Table

POINTS = 61


def draw(fits: Sequence[Fit], runs: Table | None = None, width: float = canvas.SINGLE) -> Figure:
    """Runs with an accuracy, behind the fit or in `runs`, by data set, and the fit's line; a line
    that was fitted has its 95 % prediction interval for one run, the published one has none.
    """
    fit = fit_values.only_fit(fits, "accuracy")
    table = fit_runs.runs_of_fit(fit) if runs is None else runs
    if table is None or "accuracy" not in table or np.isnan(table["accuracy"]).all():
        raise DataError(
            f"{runs.source if runs is not None else fit.name}: no accuracies of runs; expected a "
            "fit to a table with a column 'accuracy', or such a table of runs"
        )
    known = np.isfinite(table["accuracy"]) & np.isfinite(table["loss"])
    if not known.any():
        raise DataError(f"{table.source}: no run has both a loss and an accuracy")
    table = table.take(np.flatnonzero(known))
    figure, (axes,) = canvas.panels(1, width, ratio=0.72)
    names = fit_runs.names_of_runs(table, "dataset")
    unique = fit_runs.ordered_names(table, "dataset")
    for name, ink in zip(unique, style.inks(len(unique)), strict=True):
        rows = names == name
        axes.plot(
            table["loss"][rows],
            table["accuracy"][rows],
            linestyle="",
            marker=ink.marker,
            markersize=3.5,
            color=ink.color,
            markerfacecolor="none",
            label=style.plain_label(name),
        )
    ends = table["loss"].min(), table["loss"].max()
    margin = 0.05 * (ends[1] - ends[0]) or 0.02
    loss = np.linspace(max(ends[0] - margin, 0.0), ends[1] + margin, POINTS)
    _line(axes, fit, loss)
    canvas.plain_axis(axes.xaxis, style.LOSS)
    canvas.percent_axis(axes.yaxis, style.ACCURACY)
    canvas.legend(figure)
    return figure


def _line(axes, fit, loss) -> None:
    line = fit.document.get("accuracy_line", PUBLISHED_LINE)
    slope, intercept = fit.best.slope, fit.best.intercept
    label = f"{intercept:.3f} − {-slope:.3f} $L$"
    r2 = fit_values.recorded_number(fit, "accuracy_line", "r2")
    label += "" if r2 is None else f" ($R^2$ {r2:.3f})"
    label += f", {style.plain_label(str(line['source']))}" if "source" in line else ""
    ink = style.Ink((0.0, 0.0, 0.0), style.DASHES[0], "")
    y = slope * loss + intercept
    deviation = prediction_deviation(line, loss)
    band = None if deviation is None else (y - deviation, y + deviation)
    canvas.curve(axes, loss, y, ink, label, band)


def prediction_deviation(line: dict, loss: np.ndarray) -> np.ndarray | None:
    """Half the 95 % prediction interval, (n,), of ordinary least squares at each `loss` (n,):
    t s sqrt(1 + 1/n + (x - mean)^2 / Sxx) with n - 2 degrees of freedom; None for a line without
    those numbers, as the published one is.
    """
    names = ("rows", "residual_deviation", "loss_mean", "loss_spread")
    if not all(type(line.get(name)) in (int, float) for name in names):
        return None
    rows, deviation, mean, spread = (line[name] for name in names)
    if rows < 3 or spread <= 0:
        return None
    from scipy.special import stdtrit

    t = stdtrit(rows - 2, (1 + LEVEL) / 2)
    return t * deviation * np.sqrt(1 + 1 / rows + (loss - mean) ** 2 / spread)
