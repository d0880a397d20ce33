"""Accuracy of people and models on clean and on attacked images, by the confidence they stated.

Source: Bartoldson et al. 2024, Fig. 14.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures import canvas, style
from advlib.humans.score_table import Score

CLEAN, ATTACKED = "clean", "adversarial"
PANELS = {"all": "all answers", "low": "low confidence", "higher": "higher confidence"}
ROW = 0.26  # inches of a judge
APART = 0.13  # of a row, between the marks of a judge


def draw(scores: Sequence[Score], width: float = canvas.DOUBLE) -> Figure:
    """A panel for all answers and each confidence that was stated, a row for each judge: accuracy
    on clean images (open) and on attacked ones (filled), with 95 % intervals.

    Raises DataError where nothing was scored.
    """
    shown = [s for s in scores if s.accuracy is not None and s.text["confidence"] in PANELS]
    if not shown:
        raise DataError("no accuracies; humans draws what advscore prints without options")
    judges = list(dict.fromkeys(s.text["judge"] for s in shown))
    names = [c for c in PANELS if any(s.text["confidence"] == c for s in shown)]
    height = ROW * len(judges) + 0.75
    figure, panels = canvas.panels(
        len(names), width, len(names), height * len(names) / width, share=(True, True)
    )
    attacked, clean = style.inks(2)
    for axes, confidence in zip(panels, names, strict=True):
        own = [s for s in shown if s.text["confidence"] == confidence]
        for judge in judges:
            _row(
                axes,
                [s for s in own if s.text["judge"] == judge],
                judges.index(judge),
                attacked,
                clean,
            )
        axes.set_title(PANELS[confidence], loc="left")
        canvas.percent_axis(axes.xaxis, "accuracy")
        axes.set(xlim=(-0.02, 1.02), ylim=(len(judges) - 0.5, -0.5))
        axes.set_yticks(range(len(judges)), [style.plain_label(judge) for judge in judges])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", linewidth=0.3, color="0.85")
        axes.set_axisbelow(True)
    canvas.label_outer_panels(figure)
    marks = {
        "attacked images": {"color": attacked.color, "marker": "o"},
        "clean images": {"color": clean.color, "marker": "s", "markerfacecolor": "white"},
    }
    entries = [canvas.legend_entry(name, linewidth=0.8, **look) for name, look in marks.items()]
    canvas.legend(figure, entries)
    return figure


def _row(
    axes: Axes, scores: Sequence[Score], at: int, attacked: style.Ink, clean: style.Ink
) -> None:
    """The marks of a judge, attacked below clean."""
    for condition, ink, marker, face, shift in (
        (CLEAN, clean, "s", "white", -APART),
        (ATTACKED, attacked, "o", attacked.color, APART),
    ):
        for score in (s for s in scores if s.text["condition"] == condition):
            if score.accuracy is None:
                continue
            if score.low is not None and score.high is not None:
                axes.plot([score.low, score.high], [at + shift] * 2, color=ink.color, linewidth=0.8)
            axes.plot(
                score.accuracy,
                at + shift,
                linestyle="",
                color=ink.color,
                marker=marker,
                markerfacecolor=face,
                markersize=4,
            )
