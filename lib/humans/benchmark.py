"""The benchmark with and without its invalid images: network and judges, side by side.

Judges saw the images that the network gets wrong; where it is right they are taken to be right too.
Source: Bartoldson et al. 2024, App. G and Table 4.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import BinaryIO

import numpy as np

from advlib.documents import read_document
from advlib.errors import DataError
from advlib.humans.certainty import interval
from advlib.humans.judgements import ADVERSARIAL, CLEAN, HUMAN, MODEL
from advlib.humans.panel import NONE, Panel
from advlib.humans.score_table import PEOPLE
from advlib.humans.scores import NETWORK, Panels
from advlib.humans.validity import Validity
from advlib.shards.key_table import unpadded

ORIGINAL, REVISED = "original", "revised"
COLUMNS = (
    *("judge", "kind", "benchmark", "images", "assumed", "right"),
    *("accuracy", "accuracy_low", "accuracy_high"),
)
PAIR_COLUMNS = (
    *("first", "first_condition", "second", "second_condition", "images"),
    *("both_right", "first_only", "second_only", "neither"),
    *("difference", "difference_low", "difference_high", "p"),
)
NORMAL = 1.959963984540054  # the 97.5 % quantile


def read_verdict(file: BinaryIO, name: str) -> tuple[int, int, list[dict]]:
    """Of what advattack printed: images, those that the network still gets right, and its history.

    Raises DataError for another document.
    """
    found = read_document(file, name, "advattack", 1, "what advattack printed, as JSON")
    images, accuracy = found.get("images"), found.get("accuracy")
    if not isinstance(images, int) or not isinstance(accuracy, int | float):
        raise DataError(f"{name}: no images and accuracy; expected what advattack printed")
    robust = round(images * accuracy)
    if images < 1 or not 0 <= robust <= images:
        raise DataError(f"{name}: {images} images of accuracy {accuracy}; expected 0 to 1")
    return images, robust, list(found.get("history") or ())


def valid_mask(panel: Panel, validity: Validity) -> np.ndarray:
    """Which of the panel's images are valid, (n,) bool.

    Raises DataError where the table lacks one of them, or gives it another label.
    """
    found = np.zeros(len(panel), bool)
    for i, key in enumerate(map(unpadded, panel.images)):
        if key not in validity.valid:
            raise DataError(
                f"{validity.name}: lacks image {panel.images[i]!r:.40}; expected all that were"
                " judged"
            )
        label = validity.label[key]
        if label and label != panel.classes[panel.label[i]]:
            raise DataError(
                f"{validity.name}: image {panel.images[i]!r:.40} has the label {label!r}, the"
                f" answers {panel.classes[panel.label[i]]!r}; is it of another study?"
            )
        found[i] = validity.valid[key]
    return found


def images_not_judged(panel: Panel, images: int, robust: int | None = None) -> int:
    """How many of all `images` of the test set the panel was not shown.

    robust: those that the network gets right, where known.
    Raises DataError where that does not fit the images that were judged.
    """
    rest = images - len(panel)
    if rest < 0:
        raise DataError(f"images: {images} in all; {len(panel)} were judged")
    if (panel.prediction == NONE).any():
        at = panel.images[int(np.argmax(panel.prediction == NONE))]
        raise DataError(f"image {at!r:.40}: no prediction of the network; expected one for each")
    wrong = int((panel.prediction != panel.label).sum())
    if robust is not None and robust != images - wrong:
        raise DataError(
            f"images: the network gets {images - robust} of {images} wrong; the judges saw {wrong}"
            " that it does; expected all of them"
        )
    return rest


def rows(
    panel: Panel, rest: int, valid: np.ndarray | None, draws: int, seed: int = 0
) -> Iterator[dict]:
    """Rows by COLUMNS: the network, each judge and the mean over people, on the original benchmark
    and, where it is known which images are `valid`, (n,) bool, on the revised one (Table 4).

    rest: images that the panel was not shown, on which network and judges count as right.
    A judge who was asked about some images alone is taken to be as accurate on the others; without
    an answer to a question it is wrong.  Intervals are over all images, by the bootstrap.
    """
    rng = np.random.default_rng(seed)
    total = len(panel) + rest
    chances = np.append(np.full(len(panel), 1 / total), rest / total)
    times = rng.multinomial(total, chances, size=draws)
    versions = [(ORIGINAL, np.ones(len(panel), bool))]
    versions += [] if valid is None else [(REVISED, valid)]
    for name, kept in versions:
        some = panel.take(np.flatnonzero(kept))
        own = np.append(np.ones((1, len(some)), int), [[rest]], axis=1)
        drawn = times[:, np.append(kept, True)]
        network = (some.prediction == some.label)[:, None]
        everyone = np.ones_like(network)
        right, asked = some.agrees & some.asked, some.asked
        who = [(NETWORK, NETWORK, network, everyone)]
        for j, judge in enumerate(some.judges):
            kind = HUMAN if some.people[j] else MODEL
            who.append((judge, kind, right[:, [j]], asked[:, [j]]))
        if some.people.sum() > 1:
            who.append((PEOPLE, HUMAN, right[:, some.people], asked[:, some.people]))
        for judge, kind, its, of in who:
            accuracy = float(_accuracy(own, its, of)[0])
            count = len(some) + rest
            bounds = interval(_accuracy(drawn, its, of))
            values = (judge, kind, name, count, rest, accuracy * count, accuracy, *bounds)
            yield dict(zip(COLUMNS, map(_whole, values), strict=True))


def _accuracy(times: np.ndarray, right: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Mean accuracy of judges, (draws,), on all images.

    times: (draws, n + 1), how often each image counts, the last for those taken to be right.
    right, asked: (n, judges) bool.
    """
    seen, rest = times[:, :-1].astype(float), times[:, -1:]
    count = seen.sum(1, keepdims=True)
    met = seen @ asked.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(met > 0, (seen @ right.astype(float)) / met, np.nan)
        each = (rest + np.where(count > 0, count * share, 0)) / (rest + count)
    return each.mean(1)


def _whole(value: object) -> object:
    """A number of images that is whole but for rounding as an int."""
    if isinstance(value, float) and value > 1 and abs(value - round(value)) < 1e-6:
        return round(value)
    return value


def pair_rows(panels: Panels) -> Iterator[dict]:
    """Rows by PAIR_COLUMNS: McNemar's test between every two of judges and network in a condition,
    and between a judge's answers to clean and to attacked images.

    p: exact, two-sided.  difference: of the accuracies, first less second, with the interval of
    Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions".
    """
    for condition, panel in panels.items():
        right, asked = _with_network(panel)
        for one, other in combinations(right, 2):
            both = asked[one] & asked[other]
            yield _pair((one, condition), (other, condition), right[one][both], right[other][both])
    if {ADVERSARIAL, CLEAN} <= set(panels):
        attacked, clean = panels[ADVERSARIAL], panels[CLEAN]
        place = {key: i for i, key in enumerate(clean.images)}
        rows = [(i, place[key]) for i, key in enumerate(attacked.images) if key in place]
        here, there = np.array(rows, int).reshape(-1, 2).T
        mine, theirs = _with_network(attacked), _with_network(clean)
        for judge in (name for name in theirs[0] if name in mine[0]):
            both = mine[1][judge][here] & theirs[1][judge][there]
            first, second = theirs[0][judge][there][both], mine[0][judge][here][both]
            yield _pair((judge, CLEAN), (judge, ADVERSARIAL), first, second)


def _with_network(panel: Panel) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Who is right on, and who was asked about, which image: (n,) bool by name."""
    right = {name: panel.agrees[:, j] for j, name in enumerate(panel.judges)}
    asked = {name: panel.asked[:, j] for j, name in enumerate(panel.judges)}
    if (panel.prediction != NONE).any():
        right[NETWORK] = panel.prediction == panel.label
        asked[NETWORK] = panel.prediction != NONE
    return right, asked


def _pair(
    first: tuple[str, str], second: tuple[str, str], one: np.ndarray, other: np.ndarray
) -> dict:
    from scipy.stats import binomtest

    count = len(one)
    only, missed = int((one & ~other).sum()), int((other & ~one).sum())
    both = int((one & other).sum())
    p = binomtest(min(only, missed), only + missed).pvalue if only + missed else 1.0
    middle = (only - missed) / (count + 2)
    half = NORMAL * np.sqrt((only + missed + 1) / (count + 2) - middle**2) / np.sqrt(count + 2)
    values = (
        *(*first, *second, count, both, only, missed, count - both - only - missed),
        *((only - missed) / count if count else None, middle - half, middle + half, float(p)),
    )
    return dict(zip(PAIR_COLUMNS, values, strict=True))
