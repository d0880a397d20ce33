"""Paper: figures and their panels, axes, legends, and writing them with reproducible bytes."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from matplotlib import style as sheets
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import TextPath
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from advlib.figures.style import BAND, GREY, RC, Ink

SINGLE, DOUBLE = 4.6, 6.75  # inches: a figure of one panel; the text width of two columns
HANDLE, ROW = 0.55, 0.165  # inches: a legend entry beside its text, and its height, at 7 points
ONE = 1.001  # values of a logarithmic axis within this ratio are one, with room about it
LETTERS = ("", "k", "M", "B", "T")


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's matplotlibrc says."""
    with sheets.context(["default", RC]), warnings.catch_warnings():
        # a name in a script that DejaVu lacks shows as boxes, and that is all there is to say
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def panels(
    count: int,
    width: float,
    columns: int = 1,
    ratio: float = 0.75,
    share: tuple[bool, bool] = (False, False),
) -> tuple[Figure, list[Axes]]:
    """A figure `width` inches wide with `count` panels, `columns` a row, each `ratio` as high as
    wide; `share`: whether all have the same limits of x, and of y.
    """
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    height = rows * (width / columns) * ratio
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=share[0], sharey=share[1], squeeze=False).ravel()
    for spare in grid[count:]:
        spare.remove()
    for lowest in grid[max(count - columns, 0) : count]:  # where a row below is not full
        lowest.tick_params(labelbottom=True)
    return figure, list(grid[:count])


def curve(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    ink: Ink,
    label: str = "",
    band: tuple[np.ndarray, np.ndarray] | None = None,
    opacity: float = BAND,
    width: float | None = None,
) -> None:
    """A line through `x`, `y` (n,), and its `band`, a pair of (n,) or None."""
    axes.plot(x, y, color=ink.color, linestyle=ink.dashes, label=label or None, linewidth=width)
    if band is not None:
        low, high = band
        axes.fill_between(
            x, low, high, color=ink.color, alpha=opacity, linewidth=0.4, label="_95 % interval"
        )


def _letter(axis: Axis) -> str:
    """Which axis of its panel it is: x or y."""
    return "x" if axis is axis.axes.xaxis else "y"


def log_axis(axis: Axis, label: str, counts: bool = False) -> None:
    """A logarithmic axis with decades, or at most three ticks a decade where there are few of them;
    `counts`: ticks as 0.1, 5M or 1B.
    """
    name = _letter(axis)
    least, most = axis.get_data_interval()
    if 0 < least <= most <= least * ONE:  # before the scale, with which limits are sought
        axis.axes.set(**{f"{name}lim": (least / 2, most * 2)})
    axis.axes.set(**{f"{name}scale": "log", f"{name}label": label})
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low)
    fine, middling = (1.2, 2.4) if counts else (0.9, 2.0)  # 5M is shorter than a power of ten
    subs = (1, 2, 5) if decades < fine else (1, 3) if decades < middling else (1,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=7))
    if len(subs) > 1:
        axis.set_minor_locator(NullLocator() if decades < fine else LogLocator(subs=range(2, 10)))
    axis.set_minor_formatter(NullFormatter())
    text = count_text if counts else power_text
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))


def label_outer_panels(figure: Figure) -> None:
    """Axis labels at the left and at the bottom of a grid of panels only."""
    column = {axes: at.colspan.start for axes in figure.axes if (at := axes.get_subplotspec())}
    lowest = {start: axes for axes, start in column.items()}
    for axes, start in column.items():
        if start > 0:
            axes.set_ylabel("")
        if axes is not lowest[start]:
            axes.set_xlabel("")


def plain_axis(axis: Axis, label: str, log: bool = False) -> None:
    """An axis with few, round, decimal ticks, which a short logarithmic range needs too."""
    name = _letter(axis)
    axis.axes.set(**{f"{name}label": label} | ({f"{name}scale": "log"} if log else {}))
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}".replace("-", "−")))
    axis.set_minor_locator(NullLocator())


def quality_axis(axis: Axis) -> None:
    """A horizontal axis of FID, even in log(1 + FID), as the laws have it."""
    axis.axes.set_xscale("function", functions=(np.log1p, np.expm1))
    axis.axes.set_xlabel("FID")
    axis.set_major_locator(FixedLocator([0, 1, 2, 5, 10, 20, 50, 100, 200, 500]))
    axis.set_minor_locator(NullLocator())


def percent_axis(axis: Axis, label: str) -> None:
    """A linear axis of fractions, labelled in per cent."""
    plain_axis(axis, label)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def count_text(value: float) -> str:
    """5000000 as 5M, 0.3 as it is; powers of ten beyond 1e15 or below 0.01."""
    if not 0.01 <= value < 1e15:
        return power_text(value)
    group = max(0, min(math.floor(math.log10(value) + 1e-9) // 3, len(LETTERS) - 1))
    return f"{value / 1000**group:.4g}{LETTERS[group]}"


def power_text(value: float) -> str:
    """3e20 as 3 x 10^20, in mathtext."""
    exponent = math.floor(math.log10(value) + 1e-9)
    digits = f"{value / 10**exponent:.3g}"
    return rf"$10^{{{exponent}}}$" if digits == "1" else rf"${digits}\times10^{{{exponent}}}$"


def legend(figure: Figure, extra: Sequence[Artist] = ()) -> None:
    """One legend below the panels, each label once; the figure grows by its height."""
    found: dict[str, Artist] = {}
    bands = False
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
        bands |= any(a.get_label() == "_95 % interval" for a in axes.collections)
    for handle in extra:
        found.setdefault(str(handle.get_label()), handle)
    if bands:
        patch = Patch(color=GREY, alpha=BAND, linewidth=0)
        found["95 % interval"] = patch
    if not found:
        return
    widest = HANDLE + max(_width(label) for label in found)
    columns = max(1, min(len(found), int(figure.get_figwidth() / widest)))
    rows = math.ceil(len(found) / columns)
    figure.legend(
        list(found.values()),
        list(found),
        loc="outside lower center",
        ncols=math.ceil(len(found) / rows),
        columnspacing=1.5,
    )
    figure.set_figheight(figure.get_figheight() + 0.1 + ROW * rows)


def _width(label: str) -> float:
    """Inches of a label in a legend."""
    return TextPath((0, 0), label, size=RC["legend.fontsize"]).get_extents().width / 72


def legend_entry(label: str, **marking: Any) -> Line2D:
    """An entry of the legend that stands for points of several colours; `marking` as for plot."""
    return Line2D([], [], label=label, **marking)


def save(figure: Figure, file: BinaryIO, suffix: str) -> None:
    """Write the figure as .pdf, .png or .svg: the same figure, the same bytes."""
    dates = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}
    with house_style():
        figure.savefig(file, format=suffix[1:], metadata=dates[suffix])
