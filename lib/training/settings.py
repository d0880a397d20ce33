"""Settings of a run beside its recipe: images and evaluations.  No torch here."""

import re
from dataclasses import dataclass
from fractions import Fraction

from advlib.errors import DataError
from advlib.jobs.precision import PRECISIONS
from advlib.settings import check, setting, when_given
from advlib.training.schedule import evaluation_epochs

LAST, BEST = "last.safetensors", "best.safetensors"  # files in a run's folder
EPOCH = re.compile(r"\s*[0-9]{1,9}\s*")


@dataclass(frozen=True)
class TrainingImages:
    """Which images a run reads, and what its log says of them.

    sets: `NAME` or `NAME=PASSES` each, read one after another; a single NAME as often as the run
    needs, of several sets one without PASSES once.  real: name of a set that is mixed into every
    batch, with the share `share` of it.  name: of the data set; None for those of the sets.
    fid: None for what the sets' history records.  normalisation: a key of zoo.NORMALISATIONS.
    """

    sets: tuple[str, ...]
    real: str | None = None
    share: Fraction = Fraction(1, 8)
    name: str | None = None
    fid: float | None = None
    normalisation: str = "cifar10"


@dataclass(frozen=True)
class Evaluation:
    """On which images the averaged network is evaluated during a run, and when."""

    test: str | None = setting(None, "Images of the evaluations in the log.", metavar="SET")
    validation: str | None = setting(None, "Images that choose the best checkpoint.", metavar="SET")
    evaluate: str = setting(
        "study",
        "When to evaluate: study (40 times, the early and the last epochs), end, or epochs, as "
        "0,50,100; 0 is before training.",
        metavar="EPOCHS",
        applies=when_given("test"),
    )
    evaluate_images: int | None = setting(
        None,
        "Evaluate on the first N test images.",
        low=1,
        usual="all",
        applies=when_given("test"),
    )
    validate_every: int = setting(
        1,
        "Epochs between checks on the validation images.",
        low=1,
        applies=when_given("validation"),
    )
    eval_precision: str = setting(
        "fp32",
        "Of the evaluations in a run; adveval's is fp32.",
        choices=PRECISIONS,
        applies=when_given("test", "validation"),
    )

    def __post_init__(self):
        check(self)
        if self.evaluate not in ("study", "end"):
            self._listed()

    def _listed(self) -> set[int]:
        parts = self.evaluate.split(",")
        if not all(EPOCH.fullmatch(part) for part in parts):
            raise DataError(
                f"evaluate: found {self.evaluate!r}; expected study, end, or epochs, as 0,10,20"
            )
        return {int(part) for part in parts}

    def epochs(self, last: int) -> frozenset[int]:
        """The epochs of a run of `last` after which it is evaluated, 0 for before training.

        Raises DataError for one after the last.
        """
        if self.evaluate == "study":
            return frozenset(evaluation_epochs(last))
        listed = {last} if self.evaluate == "end" else self._listed()
        if max(listed) > last:
            raise DataError(f"--evaluate {max(listed)}: the run has {last} epochs")
        return frozenset(listed)
