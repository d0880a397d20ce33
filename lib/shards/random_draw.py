"""A random draw of images from a set that is larger than memory: exact counts, by class if asked.

Each image has a random word that depends on the seed and its number alone, and the lowest words are
drawn.  So a draw is part of any larger one with the same seed, and the rest is its complement.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from advlib.errors import DataError

BITS = 16  # of the bins in which words are counted to find how far to draw

# what may be drawn, in parts: the class (n,) int64 of each image, and its word (n,) uint64
Candidates = Iterable[tuple[np.ndarray, np.ndarray]]


def highest_words(
    candidates: Callable[[], Candidates], wanted: int | float
) -> dict[int, int | None]:
    """The highest random word that is drawn, by class; None for a class of which none is.

    candidates: gives them anew on each of two calls.  wanted: how many images (int), or which share
        of the candidates (float in (0, 1]), are drawn; classes get theirs in proportion.

    The first pass counts words in bins, the second sorts those of the bin in which the highest word
    lies, so that memory does not grow with the set.
    Raises DataError for more images than there are.
    """
    bins: dict[int, np.ndarray] = {}
    for classes, words in candidates():
        for label in np.unique(classes):
            top = (words[classes == label] >> np.uint64(64 - BITS)).astype(np.int64)
            count = np.bincount(top, minlength=1 << BITS)
            bins[int(label)] = bins.get(int(label), 0) + count
    totals = {label: int(count.sum()) for label, count in sorted(bins.items())}
    targets = proportional_counts(_count(wanted, sum(totals.values())), totals)
    edges = {
        label: int(np.searchsorted(np.cumsum(bins[label]), target))
        for label, target in targets.items()
        if target
    }
    inside: dict[int, list[np.ndarray]] = {label: [] for label in edges}
    for classes, words in candidates():
        top = (words >> np.uint64(64 - BITS)).astype(np.int64)
        for label, edge in edges.items():
            inside[label].append(words[(classes == label) & (top == edge)])
    highest: dict[int, int | None] = dict.fromkeys(targets)
    for label, edge in edges.items():
        rest = targets[label] - int(bins[label][:edge].sum())
        highest[label] = int(np.sort(np.concatenate(inside[label]))[rest - 1])
    return highest


def _count(wanted: int | float, candidates: int) -> int:
    if isinstance(wanted, float):
        return round(wanted * candidates)
    if wanted > candidates:
        raise DataError(f"a random {wanted} of {candidates} images; expected at most all")
    return wanted


def proportional_counts(count: int, totals: Mapping[int, int]) -> dict[int, int]:
    """How many of `count` each class gets, in proportion; the largest remainders round up."""
    whole = max(sum(totals.values()), 1)
    counts = {label: count * total // whole for label, total in totals.items()}
    by_rest = sorted(totals, key=lambda label: (-(count * totals[label] % whole), label))
    for label in by_rest[: count - sum(counts.values())]:
        counts[label] += 1
    return counts
