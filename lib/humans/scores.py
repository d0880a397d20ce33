"""How accurate judges are on attacked and on clean images, and which class they take for which."""

from collections.abc import Iterator

import numpy as np

from advlib.humans.certainty import interval
from advlib.humans.judgements import CONDITIONS, HIGHER, HUMAN, LOW, MODEL
from advlib.humans.panel import NONE, Panel
from advlib.humans.score_table import PEOPLE
from advlib.numbers import wilson

NETWORK = "network"
ALL = "all"
ACCURACY_COLUMNS = (
    *("judge", "kind", "condition", "confidence", "images", "right"),
    *("accuracy", "accuracy_low", "accuracy_high", "aligned", "alignment"),
)
CLASS_COLUMNS = (
    *("judge", "kind", "condition", "class", "images", "right"),
    *("accuracy", "accuracy_low", "accuracy_high"),
)
CONFUSION_COLUMNS = ("judge", "kind", "condition", "label", "guess", "images")
Panels = dict[str, Panel]  # by condition


def accuracy_rows(panels: Panels, draws: int, seed: int = 0) -> Iterator[dict]:
    """Rows by ACCURACY_COLUMNS: each judge on attacked and clean images, with all answers and by
    confidence, and the mean over people (Fig. 14).

    images: answers, or questions where all are meant; one without an answer counts as wrong.
    aligned: answers that are the network's.  Intervals: Wilson's; of the mean, over images.
    """
    rng = np.random.default_rng(seed)
    for condition, panel in _in_order(panels):
        known = (panel.prediction != NONE)[:, None]
        aligned = (panel.guess == panel.prediction[:, None]) & known & panel.answered
        for j, judge in enumerate(panel.judges):
            lows, highers = panel.stated & ~panel.higher, panel.higher
            groups = [(ALL, panel.asked[:, j]), (LOW, lows[:, j]), (HIGHER, highers[:, j])]
            for confidence, which in groups:
                if confidence != ALL and not panel.stated[:, j].any():
                    continue
                right, count = int(panel.agrees[which, j].sum()), int(which.sum())
                like = int(aligned[which, j].sum()) if known.any() else None
                about = (judge, _kind(panel, j), condition, confidence)
                values = (*about, *_share(right, count), like, _divided(like, count))
                yield dict(zip(ACCURACY_COLUMNS, values, strict=True))
        if panel.people.sum() > 1:
            people = panel.only(np.flatnonzero(panel.people))
            yield _mean_row(people, aligned[:, panel.people], known.any(), condition, draws, rng)


def _mean_row(
    people: Panel,
    aligned: np.ndarray,
    known: bool,
    condition: str,
    draws: int,
    rng: np.random.Generator,
) -> dict:
    count = len(people)
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    right = people.agrees.sum(0)
    like = aligned.sum(0) / people.asked.sum(0)
    values = (
        *(PEOPLE, HUMAN, condition, ALL, count, float(right.mean())),
        float((right / people.asked.sum(0)).mean()),
        *interval(mean_accuracy(people, times)),
        *((float(aligned.sum(0).mean()), float(like.mean())) if known else (None, None)),
    )
    return dict(zip(ACCURACY_COLUMNS, values, strict=True))


def mean_accuracy(panel: Panel, times: np.ndarray) -> np.ndarray:
    """The mean over judges of their accuracy, (draws,), where image i counts times[draw, i]."""
    asked = times @ panel.asked.astype(float)
    right = times @ (panel.agrees & panel.asked).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nanmean(np.where(asked > 0, right / asked, np.nan), axis=1)


def class_rows(panels: Panels) -> Iterator[dict]:
    """Rows by CLASS_COLUMNS: each judge on the images of each class."""
    for condition, panel in _in_order(panels):
        for j, judge in enumerate(panel.judges):
            for number, name in enumerate(panel.classes):
                which = panel.asked[:, j] & (panel.label == number)
                if which.any():
                    counted = _share(int(panel.agrees[which, j].sum()), int(which.sum()))
                    values = (judge, _kind(panel, j), condition, name, *counted)
                    yield dict(zip(CLASS_COLUMNS, values, strict=True))


def confusion_rows(panels: Panels) -> Iterator[dict]:
    """Rows by CONFUSION_COLUMNS: how often each judge gave which class to which, where it did;
    an empty guess is no answer.  The network is among the judges.
    """
    for condition, panel in _in_order(panels):
        who = [(n, _kind(panel, j), panel.guess[:, j]) for j, n in enumerate(panel.judges)]
        asked = [panel.asked[:, j] for j in range(len(panel.judges))]
        if (panel.prediction != NONE).any():
            who.append((NETWORK, NETWORK, panel.prediction))
            asked.append(panel.prediction != NONE)
        names = (*panel.classes, "")
        for (judge, kind, guess), which in zip(who, asked, strict=True):
            pairs, counts = np.unique(
                np.stack([panel.label[which], guess[which] % len(names)]),
                axis=1,
                return_counts=True,
            )
            for (label, given), count in zip(pairs.T, counts, strict=True):
                values = (judge, kind, condition, names[label], names[given], int(count))
                yield dict(zip(CONFUSION_COLUMNS, values, strict=True))


def _in_order(panels: Panels) -> list[tuple[str, Panel]]:
    return [(name, panels[name]) for name in CONDITIONS if name in panels]


def _kind(panel: Panel, judge: int) -> str:
    return HUMAN if panel.people[judge] else MODEL


def _divided(part: int | None, count: int) -> float | None:
    return part / count if part is not None and count else None


def _share(right: int, count: int) -> tuple:
    """count, right, accuracy and its bounds."""
    bounds = wilson(right, count) if count else (None, None)
    return (count, right, _divided(right, count), *bounds)
