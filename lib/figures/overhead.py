"""What a model other than the compute-optimal one costs in training compute.

Source: Bartoldson et al. 2024, Fig. 7, Eq. 6.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from advlib.figures import canvas, fit_values, style
from advlib.laws.fit import Fit

BUDGET = 1e22  # FLOPs, the default
TOLERABLE = 0.1  # the paper's yardstick: half the size for a tenth more compute
TOP = 1.0  # of the axis: twice the compute
LARGEST = 10.0  # multiple of N*
POINTS = 81


def draw(
    fits: Sequence[Fit],
    flops: Sequence[float] | None = None,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    width: float = canvas.SINGLE,
) -> Figure:
    """Compute overhead w_N w_D - 1 against w_N = N/N*, for each fit, quality and budget of `flops`,
    with 95 % bands; left of w_min, a vertical line, no amount of data reaches the optimal loss
    (hatched where that is so for every curve).
    """
    fit_values.require_approach(fits, "overhead", 2, 3)
    curves = [
        (fit, name, quality, budget)
        for fit, name in zip(fits, fit_values.fit_names(fits), strict=True)
        for quality in fit.qualities(fids, datasets)
        for budget in _budgets(fit, quality[1], flops or [BUDGET])
    ]
    laws = [fit.law(fit.best, quality[1]) for fit, _, quality, _ in curves]
    least = [smallest_possible(law, budget) for law, (*_, budget) in zip(laws, curves, strict=True)]
    figure, (axes,) = canvas.panels(1, width, ratio=0.7)
    left = min(least) / 2
    for (fit, name, quality, budget), law, end, ink in zip(
        curves, laws, least, style.inks(len(curves)), strict=True
    ):
        sizes = np.geomspace(end * (1 + 1e-6), LARGEST, POINTS)

        def read(member, law, size, budget=budget):
            return size * law.data_multiple(budget)(size) - 1

        overhead = np.array([read(fit.best, law, size) for size in sizes.tolist()])
        band = fit_values.draws_band(fit, quality[1], sizes, read)
        if band is not None:  # an infinite edge is drawn as one beyond the axis
            band = tuple(np.minimum(edge, 1e3) for edge in band)
        where = [name] if len(fits) > 1 else []
        where += [fit_values.quality_name(*quality), _budget_text(budget, law)]
        label = f"{', '.join(where)}: impossible below {end:.2g} $N^*$"
        canvas.curve(axes, sizes, overhead, ink, label, band)
        axes.axvline(end, color=ink.color, linestyle=ink.dashes, linewidth=0.7)
    axes.axvspan(left, min(least), facecolor="none", edgecolor="0.6", linewidth=0, hatch="////")
    axes.text(
        math.sqrt(left * min(least)),
        TOP / 2,
        "impossible with any data",
        rotation=90,
        fontsize=7,
        ha="center",
        va="center",
        bbox={"color": "white", "pad": 1.5},
    )
    axes.axhline(TOLERABLE, color="black", linewidth=0.7, linestyle=style.DASHES[3])
    axes.text(
        0.99,
        TOLERABLE + 0.01,
        f"{100 * TOLERABLE:.0f} %",
        fontsize=7,
        ha="right",
        transform=axes.get_yaxis_transform(),
    )
    axes.set(xlim=(left, LARGEST), ylim=(0, TOP))
    canvas.log_axis(axes.xaxis, "model size over the optimum, $w_N = N/N^*$", counts=True)
    canvas.percent_axis(axes.yaxis, "training compute overhead")
    canvas.legend(figure)
    return figure


def _budgets(fit, fid, flops) -> list[float]:
    """Without saturation (c = 0) w_D does not depend on the budget: one curve says it all."""
    saturates = fit.law(fit.best, fid).saturates
    return list(flops) if saturates else list(flops)[:1]


def _budget_text(budget, law) -> str:
    if not law.saturates:
        return "any budget"
    return f"{canvas.power_text(budget)} FLOPs"


def smallest_possible(law, flops: float) -> float:
    """The multiple of N* below which no amount of data reaches the optimal loss of the budget:
    where A N^-alpha alone takes all that lies between that loss and the floor.
    """
    return law.least_size(flops)
