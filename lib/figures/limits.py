"""Adversarial accuracy that a budget of training FLOPs can buy, and the ceilings that none passes.

Source: Bartoldson et al. 2024, Fig. 1, Sec. 3.2; human accuracy: Sec. 4, App. G.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, fit_runs, fit_values, style
from advlib.laws.fit import Fit
from advlib.runs.table import Table

HUMAN = {
    "average human": 0.9046
}  # average human accuracy on the network's attacked test images; App. G
LAST = 1e32  # FLOPs: past the 1e30 at which the paper finds human accuracy in reach with FID 0


def draw(
    fits: Sequence[Fit],
    flops: Sequence[float] | None = None,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    runs: Table | None = None,
    human: Mapping[str, float] | None = None,
    width: float = canvas.SINGLE,
) -> Figure:
    """Curves of each fit and quality over the budgets `flops`, 95 % bands, ceilings (dashed), and
    runs: those of `runs` by accuracy or, where it is empty, AutoAttack; else those of the fit on
    its data sets, by accuracy or, where it is unknown, the fit's line from loss to accuracy.

    human: levels of people to compare with, by name; the paper's for None.
    """
    grid = fit_values.budget_axis(flops, fit_values.least_flops(fits, 1e18), LAST)
    figure, (axes,) = canvas.panels(1, width, ratio=0.7)
    curves = [
        (fit, name, quality)
        for fit, name in zip(fits, fit_values.fit_names(fits), strict=True)
        for quality in fit_values.shown_qualities(fit, fids, datasets)
    ]
    levels = human or HUMAN
    shown, lowest = set(), list(levels.values())
    for (fit, fit_name, quality), ink in zip(curves, style.inks(len(curves)), strict=True):
        label = fit_values.quality_name(*quality)
        label = f"{fit_name}, {label}" if len(fits) > 1 else label
        lowest.append(_curve(axes, fit, quality[1], grid, ink, label))
        if runs is None and quality not in shown:
            lowest.append(_own_points(axes, fit, quality, ink))
        shown.add(quality)
    if runs is not None:
        lowest.append(_points(axes, fits[0], runs))
    for name, level in levels.items():
        axes.axhline(level, color="black", linewidth=0.8, linestyle=style.DASHES[3])
        axes.text(
            0.01,
            level + 0.004,
            f"{name} {100 * level:.2f} %",
            transform=axes.get_yaxis_transform(),
            fontsize=7,
            va="bottom",
        )
    low = max(0.0, 0.05 * np.floor(20 * min(lowest) - 0.2))
    axes.set(
        xlim=(grid[0], grid[-1]), ylim=(low, max(axes.get_ylim()[1], max(levels.values()) + 0.04))
    )
    canvas.log_axis(axes.xaxis, style.FLOPS)
    canvas.percent_axis(axes.yaxis, style.ACCURACY)
    canvas.legend(figure)
    return figure


def _curve(axes, fit, fid, grid, ink, label) -> float:
    """Draw one curve with its ceiling; its lowest accuracy."""

    def read(member, law, budget):
        return member.accuracy(law.optimum(budget).loss)

    law = fit.law(fit.best, fid)
    accuracy = np.array([read(fit.best, law, budget) for budget in grid.tolist()])
    if fit.form.surface:  # a power law has no ceiling
        label += _ceiling(axes, fit, fid, fit.best.accuracy(law.floor), ink)
    canvas.curve(axes, grid, accuracy, ink, label, fit_values.draws_band(fit, fid, grid, read))
    return _lowest(accuracy)


def _ceiling(axes, fit, fid, ceiling, ink) -> str:
    """Draw a ceiling; how the label of its curve goes on."""
    if np.isnan(ceiling):
        return ": no ceiling below 100 %"
    axes.axhline(ceiling, color=ink.color, linewidth=0.8, linestyle=(0, (5, 4)))
    low, high = fit.interval(lambda m: m.accuracy(fit.law(m, fid).floor), fid)
    drawn = low is not None and not np.isnan(low)
    return f": ceiling {100 * ceiling:.1f} %" + (
        f" ({100 * low:.1f} to {100 * high:.1f})" if drawn else ""
    )


def _lowest(accuracy) -> float:
    """The lowest accuracy that is known; 1 where none is."""
    known = accuracy[~np.isnan(accuracy)]
    return float(known.min()) if len(known) else 1.0


def _own_points(axes, fit, quality, ink) -> float:
    table = fit_runs.runs_of_fit(fit) if fit.form.surface else None
    if table is None:
        return 1.0
    table = table.take(np.flatnonzero(fit_runs.rows_of_dataset(table, *quality)))
    if not len(table):
        return 1.0
    accuracy = np.array([fit.best.accuracy(loss) for loss in table["loss"].tolist()])
    if "accuracy" in table:
        accuracy = np.where(np.isnan(table["accuracy"]), accuracy, table["accuracy"])
    axes.plot(
        fit_runs.flops_of(fit, table),
        accuracy,
        linestyle="",
        marker=ink.marker,
        markersize=2.5,
        color=ink.color,
        markerfacecolor="white",
        markeredgewidth=0.7,
        label=f"runs on {fit_values.quality_name(*quality)}",
    )
    return _lowest(accuracy)


def _points(axes, fit, runs) -> float:
    own, attacked = (
        runs[name] if name in runs else np.full(len(runs), np.nan)
        for name in ("accuracy", "autoattack")
    )
    attacked = np.where(np.isnan(own), attacked, np.nan)
    if np.isnan(own).all() and np.isnan(attacked).all():
        raise DataError(
            f"{runs.source}: no accuracies; limits needs a column 'accuracy' or 'autoattack'"
        )
    x = fit_runs.flops_of(fit, runs)
    for values, face, label in ((own, "black", "runs"), (attacked, "white", "runs (AutoAttack)")):
        if not np.isnan(values).all():
            axes.plot(
                x,
                values,
                linestyle="",
                marker="*",
                markersize=6,
                color="black",
                markerfacecolor=face,
                markeredgewidth=0.6,
                label=label,
                zorder=3,
            )
    return float(np.nanmin([own, attacked]))
