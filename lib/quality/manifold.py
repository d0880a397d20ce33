"""How two sets of features overlap, each as the union of balls about its points.

A ball reaches to its point's k-th nearest neighbour in the same set.

    precision   share of generated points in a real ball        k = 3
    recall      share of real points in a generated ball        k = 3
    density     real balls that a generated point is in, over k, mean     k = 5
    coverage    share of real balls with a generated point in them        k = 5

Sources: Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative
Models"; Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models".
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from advlib.errors import DataError

NEIGHBOURS, DENSITY_NEIGHBOURS = 3, 5
ROWS = 1024  # points whose distances from all others are in memory at once


@dataclass(frozen=True)
class Overlap:
    """Fractions; density may be above 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(generated: Tensor, real: Tensor) -> Overlap:
    """The four numbers for features (n, d) and (m, d), on one device.

    Raises DataError for sets of five points or fewer, which have no fifth neighbour.
    """
    for count in (len(generated), len(real)):
        if count <= DENSITY_NEIGHBOURS:
            raise DataError(f"{count} images; neighbours take {DENSITY_NEIGHBOURS + 1} or more")
    own, wide = (kth_neighbour(real, k) for k in (NEIGHBOURS, DENSITY_NEIGHBOURS))
    reach = kth_neighbour(generated, NEIGHBOURS)
    precise = dense = 0.0
    covered, recalled = torch.zeros(2, len(real), dtype=torch.bool, device=real.device)
    for rows, apart in distances(generated, real):
        precise += float((apart <= own).any(1).sum())
        inside = apart <= wide
        dense += float(inside.sum())
        covered |= inside.any(0)
        recalled |= (apart <= reach[rows, None]).any(0)
    return Overlap(
        precise / len(generated),
        float(recalled.sum()) / len(real),
        dense / (DENSITY_NEIGHBOURS * len(generated)),
        float(covered.sum()) / len(real),
    )


def kth_neighbour(points: Tensor, k: int) -> Tensor:
    """The distance of each of n points from its k-th nearest other one, (n,)."""
    return kth_neighbour_of(points, points, k)


def kth_neighbour_of(chosen: Tensor, points: Tensor, k: int) -> Tensor:
    """The same of (n,) points chosen among others."""
    # the nearest of all is the point itself
    return torch.cat([apart.kthvalue(k + 1, 1).values for _, apart in distances(chosen, points)])


def distances(first: Tensor, second: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Distances of n points from m others, some rows at a time: which rows, and (rows, m)."""
    # in float64, since of near points products leave but the last digits
    right = second.double()
    for begin in range(0, len(first), ROWS):
        rows = slice(begin, begin + ROWS)
        yield rows, torch.cdist(first[rows].double(), right)
