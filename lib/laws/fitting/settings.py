"""The settings of a fit: which law, how it is fitted, to which rows, and how sure it is made.

Without NumPy, so that options can be made of them at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advlib.errors import DataError
from advlib.laws.forms import FORMS, optional_variants
from advlib.settings import Rule, setting, settings_of, unmet, when, when_absent

if TYPE_CHECKING:
    from advlib.conditions import Comparison

DELTA = 1e-3  # Huber threshold on log residuals; App. F
MIN_FRACTION = 0.5  # of the planned training; earlier checkpoints are left out (Sec. 3.2)

VARIANTS = tuple(optional_variants())
BY_MINIMISER = tuple(dict.fromkeys(form.approach for form in FORMS if form.surface))
FITTED = when(approaches=BY_MINIMISER, recipe=("default",))
DRAWN = (
    Rule(lambda found: found.get("bootstrap") != 0, "goes with bootstrap draws; here are none"),
)
TWO_STAGES = (
    Rule(
        lambda found: not any(found.get(name) for name in ("variant", *VARIANTS)),
        "is of two stages, and does not go with another way to fit",
    ),
)


@dataclass(frozen=True)
class Settings:
    """How a law is fitted, and to which rows.

    variant: of the approach, as "joint"; None chooses by the table.  Conditions speak of
    `approaches`, those that are fitted with these settings.
    """

    variant: str | None = None
    base: str | None = setting(
        None,
        "Approach 2: the data set of the first stage.",
        metavar="NAME",
        usual="dg20 where the table has it, else that of the lowest FID",
        applies=when(approaches=(2,)) + TWO_STAGES,
    )
    quality: tuple[str, ...] = setting(
        (),
        "Approach 2: a data set of the second stage; may be repeated.",
        metavar="NAME",
        applies=when(approaches=(2,)) + TWO_STAGES,
    )
    quality_column: str | None = setting(
        None,
        "The column that is the quality of the images, as fd_pixels.",
        metavar="COLUMN",
        usual="fid",
        applies=when(approaches=BY_MINIMISER),
    )
    datasets: tuple[str, ...] = setting(
        (),
        "Approach 1: the data set; may be repeated. [default: each in turn]",
        metavar="NAME",
        applies=when(approaches=(1,)),
    )
    recipe: str = setting(
        "default",
        "default: the true minimum; published: the study's own settings, slow and inexact.",
        choices=("default", "published"),
        applies=when(approaches=BY_MINIMISER),
    )
    bootstrap: int = setting(
        1000,
        "Bootstrap draws, by run; 0 for none.",
        low=0,
        high=100_000,
        metavar="DRAWS",
        usual="1000; none with --recipe published",
        applies=(
            Rule(
                lambda found: found.get("recipe") != "published",
                "does not go with --recipe published, which has none: it would take hours",
            ),
        ),
    )
    seed: int = setting(
        0,
        "Random seed of the draws, kept in the output.",
        low=0,
        applies=DRAWN + when(recipe=("default",)),
    )
    weights: str | None = setting(
        None,
        "Weigh rows by one over the squared relative error of the loss in COLUMN.",
        metavar="COLUMN",
        applies=FITTED,
    )
    delta: float = setting(
        DELTA, "Huber threshold on log residuals.", low=0, above=True, applies=FITTED
    )
    min_fraction: float = setting(
        MIN_FRACTION,
        "Leave out checkpoints before this share of the planned training.",
        low=0,
        high=1,
    )
    keep_underfit: bool = setting(
        False,
        "Keep runs with N < 100M, planned D > 10M and FID < 10.",
        flag=True,
        applies=when(approaches=BY_MINIMISER),
    )
    holdout: tuple[str, ...] = setting(
        (),
        "Leave out and predict rows where COLUMN<VALUE; may be repeated, all must hold.",
        metavar="EXPR",
    )
    k: float | None = setting(
        None,
        "FLOPs per parameter and sample.",
        low=0,
        above=True,
        metavar="NUMBER",
        usual="from the table",
        applies=when_absent("compare"),
    )

    @property
    def draws(self) -> int:
        """How many bootstrap draws are made; the published recipe makes none."""
        return 0 if self.recipe == "published" else self.bootstrap

    @property
    def held_out(self) -> "tuple[Comparison, ...]":
        """The conditions on rows that are held out, all of which must hold; perhaps none."""
        from advlib.conditions import parse_comparison  # here, since it loads NumPy

        return tuple(parse_comparison(text) for text in self.holdout)


def check_settings(settings: Settings, approaches: tuple[int, ...]) -> None:
    """DataError for a setting out of its range, or one that does nothing for these approaches."""
    found: Mapping[str, Any] = {**vars(settings), "approaches": approaches}
    known = [v.name for form in FORMS for v in form.variants if form.approach in approaches]
    if settings.variant is not None and settings.variant not in known:
        raise DataError(f"variant: found {settings.variant!r}; expected one of {', '.join(known)}")
    for name, declared in settings_of(Settings).items():
        given = found[name] != declared.default
        values = found[name] if declared.several else (found[name],)
        why = next((w for w in map(declared.refusal, values) if w), "")
        why = why or (unmet(declared.applies, found) if given else "")
        if why:
            raise DataError(f"{name}: {why}")
