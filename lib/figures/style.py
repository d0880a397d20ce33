"""Ink: fonts and sizes, colours, lines and markers of all figures.

Colours run along viridis, whose lightness is monotone: curves stay apart in grey print and for the
colour-blind, and a line style and a marker repeat what the colour says.
"""

from dataclasses import dataclass
from typing import Any

from advlib.errors import one_line

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with Matplotlib: the same bytes everywhere
    "mathtext.fontset": "dejavusans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "hatch.linewidth": 0.4,
    "pdf.fonttype": 42,  # TrueType, which journals ask for, not Type 3
    "svg.hashsalt": "advplot",
    "savefig.dpi": 300,
    "figure.dpi": 100,
}
DASHES = (
    "-",
    (0, (6, 2)),
    (0, (6, 2, 1, 2)),
    (0, (1.5, 1.5)),
    (0, (9, 3)),
    (0, (4, 2, 1, 2, 1, 2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
GREY = "0.45"
BAND, FAINT = 0.22, 0.11  # opacity of an interval, and where many lie on each other
LIGHTEST = 0.8  # of viridis; beyond it yellow fades on white paper

BEST_PARAMS = "optimal size $N^*$ (parameters)"
FLOPS = "training FLOPs"
PARAMS = "model size $N$ (parameters)"
SAMPLES = "training images seen $D$"
LOSS = "adversarial loss (nats)"
ACCURACY = "adversarial accuracy"


@dataclass(frozen=True)
class Ink:
    """How one curve, and the points that belong to it, are drawn."""

    color: tuple[float, ...]
    dashes: str | tuple
    marker: str


def inks(count: int) -> list[Ink]:
    """As many inks as there are curves, dark to light."""
    from matplotlib import colormaps

    shades = colormaps["viridis"]
    return [
        Ink(
            shades(LIGHTEST * i / max(count - 1, 1)),
            DASHES[i % len(DASHES)],
            MARKERS[i % len(MARKERS)],
        )
        for i in range(count)
    ]


def plain_label(name: str) -> str:
    """A name from a file as a label: one line, at most 40 characters, no mathematics, and no
    leading underscore, with which Matplotlib would leave it out of a legend.
    """
    text = one_line(name)[:40].replace("$", r"\$")
    return " " + text if text.startswith("_") else text
