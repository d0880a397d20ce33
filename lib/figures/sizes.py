"""Compute-optimal model size against training compute, by data quality.

Source: Bartoldson et al. 2024, Fig. 13.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.figures import canvas, fit_values, style
from advlib.laws.fit import Fit

LAST = 1e26  # FLOPs
POINTS = 25
FEW = 4  # curves; the bands of more lie on each other


def draw(
    fits: Sequence[Fit],
    flops: Sequence[float] | None = None,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    width: float | None = None,
) -> Figure:
    """N* over the budgets `flops`, a panel each fit, a curve with its 95 % band each quality: those
    asked for, else every data set of the fit and FID 0.
    """
    grid = fit_values.budget_axis(flops, fit_values.least_flops(fits, 1e18), LAST)
    columns = min(len(fits), 3)
    width = width or (canvas.SINGLE if columns == 1 else canvas.DOUBLE)
    ratio = 0.72 if columns == 1 else 0.95
    figure, axes = canvas.panels(len(fits), width, columns, ratio, (True, True))
    chosen = [fit_values.shown_qualities(fit, fids, datasets, every=True) for fit in fits]
    every = sorted(dict.fromkeys(q for some in chosen for q in some), key=lambda q: q[1])
    opacity = style.BAND if len(every) <= FEW else style.FAINT
    inks = dict(zip(every, style.inks(len(every)), strict=True))
    for panel, fit, name, some in zip(axes, fits, fit_values.fit_names(fits), chosen, strict=True):
        for quality in some:

            def read(member, law, budget):
                return law.optimum(budget).params

            law = fit.law(fit.best, quality[1])
            sizes = np.array([read(fit.best, law, budget) for budget in grid.tolist()])
            band = fit_values.draws_band(fit, quality[1], grid, read)
            label = fit_values.quality_name(*quality)
            canvas.curve(panel, grid, sizes, inks[quality], label, band, opacity)
        panel.set_title(name)
        panel.set_xlim(grid[0], grid[-1])
        canvas.log_axis(panel.xaxis, style.FLOPS)
        canvas.log_axis(panel.yaxis, style.BEST_PARAMS, counts=True)
    canvas.label_outer_panels(figure)
    canvas.legend(figure)
    return figure
