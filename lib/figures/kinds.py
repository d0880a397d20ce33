"""The kinds of figure: what each shows, takes and needs.

Standard library only, so that a list of kinds costs no Matplotlib; drawing imports it.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from advlib.humans.score_table import Score
    from advlib.laws.document import Fit


FITS, SCORES = "fits", "scores"


@dataclass(frozen=True)
class Kind:
    """A kind of figure: its subject, the options it takes, the columns that `runs` must have.

    options: by the names of the arguments of its module's `draw`.
    intervals: whether bootstrap draws show in it.
    reads: what it is drawn from, FITS or SCORES.
    hangs_on: of what fits assume, as advlib.laws.rows.NEEDS has it, what decides its numbers.
    """

    shows: str
    options: tuple[str, ...]
    columns: tuple[str, ...] = ()
    intervals: bool = True
    hangs_on: tuple[str, ...] = ()
    reads: str = FITS


COUNTS = ("params", "samples")
KINDS = {
    "limits": Kind(
        "best adversarial accuracy against training FLOPs, with its ceilings (Fig. 1)",
        ("flops", "fids", "datasets", "runs", "human"),
        COUNTS,
        hangs_on=("k", "accuracy", "sizes"),
    ),
    "envelope": Kind(
        "approach 1: lowest loss, N and D against FLOPs (Figs. 3, 10)",
        ("runs",),
        (*COUNTS, "loss"),
        hangs_on=("sizes",),
    ),
    "optimum": Kind(
        "contours of loss over N and D with the compute-optimal line (Fig. 4)",
        ("flops", "fids", "datasets", "runs"),
        (*COUNTS, "loss"),
        hangs_on=("k", "sizes"),
    ),
    "fits": Kind(
        "observed losses and the law, a panel each model or data set (Figs. 5, 12)",
        ("by", "runs"),
        (*COUNTS, "loss"),
    ),
    "region": Kind(
        "model sizes between the predictions of two or three fits (Fig. 6)",
        ("flops", "fids", "datasets", "runs"),
        COUNTS,
        hangs_on=("k", "sizes"),
    ),
    "overhead": Kind(
        "extra training compute against model size over N* (Fig. 7)",
        ("flops", "fids", "datasets"),
        hangs_on=("k", "sizes"),
    ),
    "accuracy": Kind(
        "adversarial accuracy against loss, with the line of the fit (Fig. 11)",
        ("runs",),
        ("loss", "accuracy"),
        intervals=False,
        hangs_on=("accuracy",),
    ),
    "sizes": Kind(
        "compute-optimal N against FLOPs by data quality (Fig. 13)",
        ("flops", "fids", "datasets"),
        hangs_on=("k", "sizes"),
    ),
    "residuals": Kind(
        "log residuals of a fit against N, D, FLOPs and quality",
        ("runs",),
        (*COUNTS, "loss"),
        intervals=False,
    ),
    "humans": Kind(
        "accuracy of people and models on clean and attacked images (Fig. 14)",
        (),
        intervals=False,
        reads=SCORES,
    ),
}


def kinds_with(option: str) -> tuple[str, ...]:
    """The kinds of figure that take an option."""
    return tuple(name for name, kind in KINDS.items() if option in kind.options)


def draw(kind: str, given: Sequence["Fit"] | Sequence["Score"], **options: Any) -> "Figure":
    """The figure of that kind, a key of KINDS, in the house style.

    `given`: what the kind reads, each advlib.laws.fit.Fit or advlib.humans.score_table.Score.
    `options`: `width` in inches, and of those that the kind
    takes `flops` (list), `fids` and `datasets` (lists), `runs` (Table), `by`, `human`.
    Raises DataError where the fits are not of the kind that the figure needs.
    """
    from advlib.figures.canvas import house_style

    module = importlib.import_module(f"advlib.figures.{kind}")
    with house_style():
        return module.draw(given, **options)
