"""How far judges agree, with each other and with the network they judge.

Cohen's kappa and its error: Cohen 1960; Fleiss, Cohen and Everitt 1969 (statsmodels).
Krippendorff's alpha for names of classes, with missing answers: Krippendorff 2011, "Computing
Krippendorff's Alpha-Reliability".  Error consistency: Geirhos, Meding and Wichmann 2020, Eq. 3.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from advlib.humans.certainty import interval
from advlib.humans.panel import NONE, Panel

NETWORK = "network"
ALL, PEOPLE = "all judges", "people"
COLUMNS = (
    *("measure", "first", "second", "class", "images", "agreed"),
    *("value", "value_low", "value_high"),
)
MOST = 12  # judges up to which every two of them have a row


def krippendorff_alpha(guess: np.ndarray, classes: int) -> float:
    """Alpha of answers (n, judges) of ints below `classes`, -1 where there is none; for nominal
    values: 1 - (n - 1) sum_c o_c / (n^2 - sum_c n_c^2), over images with two answers or more.

    NaN where no image has two answers, or all answers are one class.
    """
    return _alpha(_answer_counts(guess, classes))


def _answer_counts(guess: np.ndarray, classes: int) -> np.ndarray:
    """How many judges gave each class, (n, classes), for images with two answers or more."""
    image, judge = np.nonzero(guess != NONE)
    cell = image * classes + guess[image, judge]
    counts = np.bincount(cell, minlength=len(guess) * classes).reshape(len(guess), classes)
    return counts[counts.sum(1) > 1]


def _alpha(counts: np.ndarray) -> float:
    """Alpha of images by how many judges gave each class, (n, classes)."""
    each = counts.sum(1)
    total = each.sum()
    if not total:
        return np.nan
    differ = ((each**2 - (counts**2).sum(1)) / (each - 1)).sum()
    expected = total**2 - (counts.sum(0) ** 2).sum()
    return float(1 - (total - 1) * differ / expected) if expected else np.nan


def cohen_kappa(first: np.ndarray, second: np.ndarray, classes: int) -> float:
    """Kappa of two judges' classes, (n,) ints; NaN where chance always agrees, or for n = 0."""
    table, count = _table(first, second, classes), len(first)
    chance = int((table.sum(0) * table.sum(1)).sum())  # in counts, so that none is 0 for certain
    seen = int(np.trace(table)) * count
    return (seen - chance) / (count**2 - chance) if chance < count**2 else np.nan


def error_consistency(first: np.ndarray, second: np.ndarray) -> float:
    """Kappa of being right, (n,) bool each: whether two err on the same images."""
    return cohen_kappa(first.astype(int), second.astype(int), 2)


def rows(panel: Panel, draws: int, seed: int = 0) -> Iterator[dict]:
    """Rows by COLUMNS: alpha of all and of people, by class too; kappa and error consistency of
    every two judges and of each with the network.

    Intervals are over images, by the bootstrap; Cohen's kappa has that of its standard error.
    """
    rng = np.random.default_rng(seed)
    groups = [(ALL, np.arange(len(panel.judges)))]
    if 1 < panel.people.sum() < len(panel.judges):
        groups.append((PEOPLE, np.flatnonzero(panel.people)))
    for name, who in groups:
        guess = panel.guess[:, who]
        if guess.shape[1] > 1:
            yield _alpha_row(name, "", guess, len(panel.classes), draws, rng)
            for number, label in enumerate(panel.classes):
                some = guess[panel.label == number]
                if len(some):
                    yield _alpha_row(name, label, some, len(panel.classes), draws, rng)
    columns = [panel.guess[:, j] for j in range(len(panel.judges))]
    names = [*panel.judges]
    if (panel.prediction != NONE).any():
        columns.append(panel.prediction)
        names.append(NETWORK)
    pairs = list(itertools.combinations(range(len(names)), 2))
    if len(panel.judges) > MOST:  # with many, each beside the network, not beside each other
        pairs = [(a, b) for a, b in pairs if names[b] == NETWORK]
    for a, b in pairs:
        yield from _pair_rows(names[a], names[b], columns[a], columns[b], panel, draws, rng)


def _alpha_row(
    name: str, label: str, guess: np.ndarray, classes: int, draws: int, rng: np.random.Generator
) -> dict:
    counts = _answer_counts(guess, classes)
    same = int((counts.max(1) == counts.sum(1)).sum())

    def value(rows: np.ndarray) -> float:
        return _alpha(counts[rows])

    return _row("alpha", name, "", label, same, len(counts), value, draws, rng)


def _pair_rows(
    first: str,
    second: str,
    one: np.ndarray,
    other: np.ndarray,
    panel: Panel,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[dict]:
    both = (one != NONE) & (other != NONE)
    one, other, label = one[both], other[both], panel.label[both]
    same = int((one == other).sum())
    classes = len(panel.classes)
    kappa = cohen_kappa(one, other, classes)
    half = 1.959963984540054 * _kappa_error(one, other, classes)
    bounds = (kappa - half, kappa + half) if np.isfinite(half) else (None, None)
    values = ("kappa", first, second, "", len(one), same, kappa, *bounds)
    yield dict(zip(COLUMNS, values, strict=True))
    right = one == label, other == label
    alike = int((right[0] == right[1]).sum())

    def value(rows: np.ndarray) -> float:
        return error_consistency(right[0][rows], right[1][rows])

    name = "error consistency"
    yield _row(name, first, second, "", alike, len(one), value, draws, rng)


def _row(
    measure: str,
    first: str,
    second: str,
    label: str,
    agreed: int,
    images: int,
    value: Callable[[np.ndarray], float],
    draws: int,
    rng: np.random.Generator,
) -> dict:
    found = value(np.arange(images)) if images else np.nan
    drawn = [value(rng.integers(images, size=images)) for _ in range(draws if images else 0)]
    bounds = interval(np.array(drawn))
    values = (measure, first, second, label, images, agreed, found, *bounds)
    return dict(zip(COLUMNS, values, strict=True))


def _kappa_error(one: np.ndarray, other: np.ndarray, classes: int) -> float:
    """The standard error of Cohen's kappa; NaN where it has none."""
    from statsmodels.stats.inter_rater import cohens_kappa

    used = np.union1d(one, other)
    if len(used) < 2:
        return np.nan
    table = _table(np.searchsorted(used, one), np.searchsorted(used, other), len(used))
    with np.errstate(invalid="ignore", divide="ignore"):  # of its z value, where the error is 0
        return float(cohens_kappa(table).std_kappa)


def _table(first: np.ndarray, second: np.ndarray, classes: int) -> np.ndarray:
    """Images by both answers, (classes, classes)."""
    counts = np.bincount(first * classes + second, minlength=classes**2)
    return counts.reshape(classes, classes)
