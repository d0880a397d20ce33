"""The distance of a set from a reference: which distance it may be called, and how sure it is.

Every distance of finitely many images is too large, by an amount that falls as 1/n: hence the
extrapolation to infinitely many (Chong and Forsyth 2020), and the rule that only numbers of equal n
compare.
"""

from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.quality.frechet import Normal
from advlib.quality.gathering import Gathered
from advlib.quality.statistics import Moments, Statistics

LEAST_PARTS = 4  # of an extrapolation


@dataclass(frozen=True)
class Distance:
    """value: of all images.  parts: of each part against the same reference; none of one part."""

    value: float
    parts: tuple[float, ...] = ()

    @property
    def mean(self) -> float | None:
        """Of the parts, each of which has fewer images, and so a larger distance than the whole."""
        return float(np.mean(self.parts)) if self.parts else None

    @property
    def error(self) -> float | None:
        """Standard error of that mean."""
        if len(self.parts) < 2:
            return None
        return float(np.std(self.parts, ddof=1) / len(self.parts) ** 0.5)

    @property
    def least(self) -> float | None:
        """Of the parts: what EDM reports of three, each of 50,000 images."""
        return min(self.parts, default=None)


def require_same_features(first: Statistics, second: Statistics, names: tuple[str, str]) -> None:
    """DataError unless both statistics are of the same features, as far as they say.

    names: of both, for messages.
    """
    if first.mean.shape != second.mean.shape:
        sizes = [len(s.mean) for s in (first, second)]
        raise DataError(f"{names[1]}: {sizes[1]} features; {names[0]} has {sizes[0]}")
    known = [s.about.get("features") for s in (first, second)]
    if None in known or known[0] == known[1]:
        return
    one, two = (dict(features) for features in known if isinstance(features, dict))
    key = next(k for k in [*one, *two] if one.get(k) != two.get(k))
    raise DataError(
        f"{names[1]}: features with {key} {two.get(key)}; those of {names[0]} have {one.get(key)}"
    )


def distance(found: Gathered, reference: Normal) -> Distance:
    """The distance of all of a set, and of each of its parts."""
    whole = moments_distance(found.moments(), reference)
    if len(found.parts) == 1:
        return Distance(whole)
    return Distance(whole, tuple(moments_distance(part, reference) for part in found.parts))


def extrapolated(found: Gathered, reference: Normal, known: Distance) -> float:
    """The distance at infinitely many images, by a straight line in 1/n.

    Its points are the mean distances of single parts, of pairs, of fours, ... and of the whole.
    The reference is taken as it is.  known: the distances of the whole and of single parts.
    Raises DataError for fewer than four parts, which give too few points.
    """
    count = len(found.parts)
    if count < LEAST_PARTS:
        raise DataError(f"{count} parts; an extrapolation takes {LEAST_PARTS} or more")
    points = [(found.images / count, float(np.mean(known.parts)))]
    width = 2
    while width < count:
        starts = range(0, count - width + 1, width)
        groups = [found.moments(first, first + width) for first in starts]
        images = float(np.mean([group.count for group in groups]))
        values = [moments_distance(group, reference) for group in groups]
        points.append((images, float(np.mean(values))))
        width *= 2
    points.append((float(found.images), known.value))
    inverse = np.array([1 / images for images, _ in points])
    _, value = np.polyfit(inverse, [distance for _, distance in points], 1)
    return float(value)


def moments_distance(moments: Moments, reference: Normal) -> float:
    """The distance of what moments say."""
    found = moments.statistics({})
    return reference.distance(found.mean, found.covariance)
