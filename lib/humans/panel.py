"""A panel's answers to the same images as arrays, what rules and agreement compute with."""

from dataclasses import dataclass, replace

import numpy as np

from advlib.errors import DataError
from advlib.humans.judgements import ADVERSARIAL, CONDITIONS, HIGHER, HUMAN, Judgements

NONE = -1  # in place of a class: no answer, or not known


@dataclass(frozen=True)
class Panel:
    """n images and m judges.

    images: keys.  classes: names.  judges: names.  people: (m,) bool, who is a person.
    label, prediction: (n,) int64 classes; prediction NONE where not known.
    asked: (n, m) bool, whether a judge was asked.  guess: (n, m) int64, NONE where a judge gave no
    answer.  stated, higher: (n, m) bool, whether a confidence was stated, and was the higher one.
    weight: (m,) float64, what a judge's answer counts, usually 1.
    """

    images: np.ndarray
    classes: tuple[str, ...]
    judges: tuple[str, ...]
    people: np.ndarray
    label: np.ndarray
    prediction: np.ndarray
    asked: np.ndarray
    guess: np.ndarray
    stated: np.ndarray
    higher: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def answered(self) -> np.ndarray:
        """Which judge answered which image, (n, m) bool."""
        return self.guess != NONE

    @property
    def agrees(self) -> np.ndarray:
        """Which judge gave which image its label, (n, m) bool."""
        return self.guess == self.label[:, None]

    def take(self, rows: np.ndarray) -> "Panel":
        """The images with these numbers, any of them several times."""
        return replace(
            self,
            images=self.images[rows],
            label=self.label[rows],
            prediction=self.prediction[rows],
            asked=self.asked[rows],
            guess=self.guess[rows],
            stated=self.stated[rows],
            higher=self.higher[rows],
        )

    def only(self, judges: np.ndarray) -> "Panel":
        """The judges with these numbers, and all images."""
        return replace(
            self,
            judges=tuple(self.judges[j] for j in judges),
            people=self.people[judges],
            asked=self.asked[:, judges],
            guess=self.guess[:, judges],
            stated=self.stated[:, judges],
            higher=self.higher[:, judges],
            weight=self.weight[judges],
        )

    def votes(self) -> np.ndarray:
        """Weights of the answers for each class, (n, classes) float64."""
        image, judge = np.nonzero(self.answered)
        classes = len(self.classes)
        cell = image * classes + self.guess[image, judge]
        found = np.bincount(cell, self.weight[judge], len(self) * classes)
        return found.reshape(len(self), classes)


def panels_of(judgements: Judgements) -> dict[str, Panel]:
    """The answers in each condition of which there are any."""
    return {c: panel_of(judgements, c) for c in CONDITIONS if judgements.by_image(c)}


def panel_of(judgements: Judgements, condition: str = ADVERSARIAL) -> Panel:
    """The answers in a condition.  Raises DataError where there are none."""
    found = judgements.by_image(condition)
    if not found:
        raise DataError(f"no answers to {condition} images; expected some")
    judges = tuple(judgements.judges(condition))
    number = {name: i for i, name in enumerate(judgements.classes)}
    shape = (len(found), len(judges))
    guess = np.full(shape, NONE)
    asked, stated, higher = (np.zeros(shape, bool) for _ in range(3))
    label, prediction = np.full(len(found), NONE), np.full(len(found), NONE)
    column = {name: j for j, name in enumerate(judges)}
    for i, answers in enumerate(found.values()):
        for judge, answer in answers.items():
            label[i] = number[answer.label]
            if answer.prediction:
                prediction[i] = number[answer.prediction]
            at = i, column[judge]
            asked[at] = True
            if answer.guess:
                guess[at] = number[answer.guess]
                stated[at], higher[at] = bool(answer.confidence), answer.confidence == HIGHER
    return Panel(
        images=np.array(list(found), object),
        classes=judgements.classes,
        judges=judges,
        people=np.array([judgements.kind(name) == HUMAN for name in judges]),
        label=label,
        prediction=prediction,
        asked=asked,
        guess=guess,
        stated=stated,
        higher=higher,
        weight=np.ones(len(judges)),
    )
