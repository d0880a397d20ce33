"""Iso-loss contours over model size and data size, and the line along which compute is best spent.

Source: Bartoldson et al. 2024, Fig. 4 and Eq. 4, after Hoffmann et al. 2022, Fig. 4.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from advlib.figures import canvas, fit_runs, fit_values, run_markers, style
from advlib.laws.fit import Fit
from advlib.runs.table import Table

SHADES = "cividis"  # light for low loss, without the yellow that fades on white
BEYOND = 100.0  # how far past the largest budget of the runs the line goes
MARGIN = 1.5  # around the points, a factor
MESH = 120  # along each axis
CORNER = 0.015  # share of the area below which a contour would only cut off a corner
PATH = (0.75, 0.1, 0.1)  # of the optimal line, dark enough for grey print


def draw(
    fits: Sequence[Fit],
    flops: Sequence[float] | None = None,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    runs: Table | None = None,
    width: float | None = None,
) -> Figure:
    """A panel for each fit and quality: contours of its loss (nats), lines of equal FLOPs, N* and
    D* over the budgets `flops` with the 95 % interval along each line of equal FLOPs, and the runs
    on that data set (or all of `runs`), shaded by loss.
    """
    fit_values.require_approach(fits, "optimum", 2, 3)
    chosen = [
        (fit, name, quality, _runs(fit, quality, runs))
        for fit, name in zip(fits, fit_values.fit_names(fits), strict=True)
        for quality in fit.qualities(fids, datasets)
    ]
    windows = [_window(fit, quality[1], table, flops) for fit, _, quality, table in chosen]
    losses = [
        [_loss(fit, quality[1], window), [] if table is None else table["loss"]]
        for (fit, _, quality, table), window in zip(chosen, windows, strict=True)
    ]
    values = np.concatenate([np.ravel(part) for pair in losses for part in pair])
    shades = ListedColormap(colormaps[SHADES](np.linspace(0.85, 0, 256)))
    norm = Normalize(np.nanmin(values), np.nanquantile(values, 0.98))
    columns = 1 if len(chosen) == 1 else 2
    width = width or (canvas.SINGLE if columns == 1 else canvas.DOUBLE)
    figure, axes = canvas.panels(len(chosen), width, columns, ratio=0.82)
    for panel, (fit, name, quality, table), window, pair in zip(
        axes, chosen, windows, losses, strict=True
    ):
        _contours(panel, fit, window, pair[0], norm, shades)
        _line(panel, fit, quality[1], window)
        if table is not None:
            _points(panel, table, norm, shades)
        (n_low, n_high), (d_low, d_high) = window[1:]
        panel.set(xlim=(n_low, n_high), ylim=(d_low, d_high))
        panel.set_title(f"{name}, {fit_values.quality_name(*quality)}")
        canvas.log_axis(panel.xaxis, style.PARAMS, counts=True)
        canvas.log_axis(panel.yaxis, style.SAMPLES, counts=True)
    bar = figure.colorbar(
        ScalarMappable(norm, shades),
        ax=axes,
        extend="max",
        pad=0.02,
        aspect=20 * math.ceil(len(axes) / columns),
    )
    canvas.plain_axis(bar.ax.yaxis, style.LOSS)
    canvas.legend(figure)
    return figure


def _runs(fit, quality, runs) -> Table | None:
    table = fit_runs.runs_of_fit(fit) if runs is None else runs
    if table is None:
        return None
    rows = fit_runs.rows_of_dataset(table, *quality)
    if runs is not None and not rows.any():
        rows[:] = True  # a table of another quality is shown because it was named
    return table.take(np.flatnonzero(rows & np.isfinite(table["loss"])))


def _window(fit, fid, table, flops):
    """Budgets (n,), and the ends of the axes of N and of D."""
    sizes = np.array([]) if table is None else table["params"]
    images = np.array([]) if table is None else table["samples"]
    spent = fit.k * sizes * images
    low, high = (spent.min(), BEYOND * spent.max()) if len(spent) else (1e17, 1e24)
    grid = fit_values.budget_axis(flops, low, high)
    law = fit.law(fit.best, fid)
    best = [law.optimum(budget) for budget in grid.tolist()]
    sizes = np.r_[sizes, [b.params for b in best]]
    images = np.r_[images, [b.samples for b in best]]
    return (
        grid,
        (sizes.min() / MARGIN, sizes.max() * MARGIN),
        (images.min() / MARGIN, images.max() * MARGIN),
    )


def _mesh(window):
    return np.meshgrid(*(np.geomspace(*ends, MESH) for ends in window[1:]))


def _loss(fit, fid, window) -> np.ndarray:
    params, samples = _mesh(window)
    with np.errstate(divide="ignore"):
        return fit.law(fit.best, fid, np).loss(params, samples)


def _contours(axes, fit, window, loss, norm, shades) -> None:
    params, samples = _mesh(window)
    levels = MaxNLocator(14, steps=[1, 2, 2.5, 5, 10]).tick_values(loss.min(), norm.vmax)
    low, high = np.quantile(loss, (CORNER, 1 - CORNER))
    levels = levels[(levels > low) & (levels < high)]
    axes.set(xscale="log", yscale="log")
    lines = axes.contour(
        params, samples, loss, levels=levels, norm=norm, cmap=shades, linewidths=0.9
    )
    axes.clabel(
        lines, fmt=lambda value: f"{value:.4g}", colors="0.25", fontsize=6, inline_spacing=2
    )
    spent = np.log10(fit.k * params * samples)
    low, high = np.quantile(spent, (CORNER, 1 - CORNER))
    decades = np.arange(np.ceil(low), np.floor(high) + 1)
    decades = decades[:: max(1, len(decades) // 6)]
    equal = axes.contour(
        params,
        samples,
        spent,
        levels=decades,
        colors=style.GREY,
        linewidths=0.6,
        linestyles=[style.DASHES[3]],
    )
    axes.clabel(equal, fmt=lambda value: rf"$10^{{{value:.0f}}}$", fontsize=6, inline_spacing=2)
    axes.plot(
        [], [], color=style.GREY, linewidth=0.6, linestyle=style.DASHES[3], label="equal FLOPs"
    )


def _line(axes, fit, fid, window) -> None:
    grid = window[0]
    law = fit.law(fit.best, fid)
    best = [law.optimum(budget) for budget in grid.tolist()]
    axes.plot(
        [b.params for b in best],
        [b.samples for b in best],
        color=PATH,
        linewidth=1.8,
        label="compute-optimal $N^*$ and $D^*$",
    )
    band = fit_values.draws_band(
        fit, fid, grid, lambda member, law, budget: law.optimum(budget).params
    )
    if band is not None:  # its edges run along the lines of equal FLOPs
        low, high = band
        around = np.r_[low, high[::-1]], np.r_[grid / low, grid[::-1] / high[::-1]] / fit.k
        (patch,) = axes.fill(*around, color=PATH, alpha=style.BAND, linewidth=0)
        patch.set_label("95 % interval of the optimum")


def _points(axes, table, norm, shades) -> None:
    parts = run_markers.roles_of(table)
    for role in dict.fromkeys(parts.tolist()):
        rows = parts == role
        axes.scatter(
            table["params"][rows],
            table["samples"][rows],
            c=table["loss"][rows],
            norm=norm,
            cmap=shades,
            marker=run_markers.MARKERS.get(role, "o"),
            s=20,
            edgecolors="black",
            linewidths=0.6,
            zorder=3,
            label=run_markers.role_label(role),
        )
