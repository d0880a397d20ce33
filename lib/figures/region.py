"""The compute-efficient region: model sizes between the predictions of two or three fits.

Source: Bartoldson et al. 2024, Fig. 6, Sec. 3.2.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.figures import canvas, fit_runs, fit_values, style
from advlib.laws.fit import Fit
from advlib.laws.optimal import region_qualities, region_rows
from advlib.runs.table import Table

LAST = 1e24  # FLOPs


def draw(
    fits: Sequence[Fit],
    flops: Sequence[float] | None = None,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    runs: Table | None = None,
    width: float = canvas.SINGLE,
) -> Figure:
    """N* of each fit over the budgets `flops` with its 95 % band, the region between the least and
    the greatest hatched, and the models of the runs behind the fits (or of `runs`).
    """
    grid = fit_values.budget_axis(flops, fit_values.least_flops(fits, 1e18), LAST)
    rows = region_rows(fits, grid.tolist(), fids, datasets)
    chosen = region_qualities(fits, fids, datasets)
    figure, (axes,) = canvas.panels(1, width, ratio=0.72)
    axes.fill_between(
        grid,
        [row["params_from"] for row in rows],
        [row["params_to"] for row in rows],
        facecolor="none",
        edgecolor="0.3",
        hatch="////",
        linewidth=0,
        label="compute-efficient region",
    )
    inks = style.inks(len(fits))
    for (fit, data_set, fid), name, ink in zip(
        chosen, fit_values.fit_names(fits), inks, strict=True
    ):

        def read(member, law, budget):
            return law.optimum(budget).params

        law = fit.law(fit.best, fid)
        sizes = np.array([read(fit.best, law, budget) for budget in grid.tolist()])
        label = f"{name}, {fit_values.quality_name(data_set, fid)}"
        canvas.curve(axes, grid, sizes, ink, label, fit_values.draws_band(fit, fid, grid, read))
    _points(axes, chosen, runs)
    axes.set_xlim(grid[0], grid[-1])
    canvas.log_axis(axes.xaxis, style.FLOPS)
    canvas.log_axis(axes.yaxis, style.BEST_PARAMS, counts=True)
    canvas.legend(figure)
    return figure


def _points(axes, chosen, runs) -> None:
    """Runs on the data set of the region, or all that the user names: a model's N at its FLOPs."""
    fit, table = chosen[0][0], runs
    if table is None:
        owners = [
            (fit, found, data_set, fid)
            for fit, data_set, fid in chosen
            if fit.form.surface and (found := fit_runs.runs_of_fit(fit)) is not None
        ]
        if not owners:
            return
        fit, found, data_set, fid = owners[0]
        table = found.take(np.flatnonzero(fit_runs.rows_of_dataset(found, data_set, fid)))
    axes.plot(
        fit_runs.flops_of(fit, table),
        table["params"],
        linestyle="",
        marker="o",
        markersize=2.5,
        color="black",
        markerfacecolor="white",
        markeredgewidth=0.6,
        label="runs",
    )
