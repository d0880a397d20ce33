"""Sums over outcomes: accuracies with Wilson's 95 % intervals, mean losses, calibration.

The expected calibration error (Guo et al. 2017): over 15 bins of equal width of the confidence,
which is the highest probability, the mean distance of confidence from accuracy, weighted by the
images of a bin.
"""

import numpy as np

from advlib.evaluation.outcomes import Outcomes
from advlib.numbers import wilson

BINS = 15


class Tally:
    """Sums over outcomes: what the rows of a score are made of."""

    def __init__(self, classes: int, attacked: bool):
        """Begin with nothing.

        classes: a count.  attacked: whether there was an attack; else its columns are None.
        """
        self.attacked = attacked
        self.clean = np.zeros((classes, classes), np.int64)  # by label and guess
        self.robust = np.zeros((classes, classes), np.int64)
        self.clean_loss, self.loss = np.zeros(classes), np.zeros(classes)  # sums by label
        self._bins = np.zeros((3, BINS))  # images, right ones, sum of confidences

    def add(self, found: Outcomes) -> None:
        """Count more images."""
        np.add.at(self.clean, (found.label, found.clean_guess), 1)
        np.add.at(self.robust, (found.label, found.guess), 1)
        np.add.at(self.clean_loss, found.label, found.clean_loss)
        np.add.at(self.loss, found.label, found.loss)
        # bins are open below and closed above, as Guo et al. have them
        at = np.clip(np.ceil(found.clean_confidence * BINS).astype(int) - 1, 0, BINS - 1)
        right = found.clean_guess == found.label
        for sums, values in zip(self._bins, (1, right, found.clean_confidence), strict=True):
            np.add.at(sums, at, values)

    @property
    def images(self) -> int:
        """How many were counted."""
        return int(self.clean.sum())

    def total(self) -> dict:
        """Over all images: counts, accuracies, losses, calibration."""
        return self._row(slice(None)) | {"calibration_error": self.calibration_error()}

    def per_class(self, names=None) -> list[dict]:
        """The same for each class that has images, by its number, and name where it has one."""
        return [
            {"class": k, "name": names[k] if names else None, **self._row(slice(k, k + 1))}
            for k in np.flatnonzero(self.clean.sum(1)).tolist()
        ]

    def confusion(self) -> list[dict]:
        """Each pair of label and guess that occurs; guesses on attacked images if there are any."""
        matrix = self.robust if self.attacked else self.clean
        return [
            {"label": int(label), "guess": int(guess), "count": int(matrix[label, guess])}
            for label, guess in np.argwhere(matrix)
        ]

    def calibration_error(self) -> float:
        """Expected calibration error of the clean images, 0 to 1."""
        _, right, confidence = self._bins
        return float(np.abs(right - confidence).sum() / self.images)

    def _row(self, which: slice) -> dict:
        count = int(self.clean[which].sum())
        row = {"images": count} | _accuracy("clean_accuracy", self.clean, which, count)
        row["clean_loss"] = float(self.clean_loss[which].sum() / count)
        robust = _accuracy("accuracy", self.robust, which, count)
        robust["loss"] = float(self.loss[which].sum() / count)
        return row | (robust if self.attacked else dict.fromkeys(robust))


def _accuracy(name: str, matrix: np.ndarray, which: slice, count: int) -> dict:
    right = int(matrix.diagonal()[which].sum())
    low, high = wilson(right, count)
    return {name: right / count, f"{name}_low": low, f"{name}_high": high}
