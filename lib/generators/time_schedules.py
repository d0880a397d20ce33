"""Noise levels from the highest to the lowest at which a solver evaluates its network.

A level is the standard deviation sigma of the noise in an image of [-1, 1].

Sources: Karras et al. 2022, Eq. 5 (karras); Lu et al. 2022, Sec. 3 (logsnr); Song et al. 2021, the
variance-preserving process, whose time is divided evenly (uniform).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError

LOWEST, HIGHEST = 0.002, 80.0  # sigma; EDM's sampler
EARLIEST = 1e-3  # VP time of the lowest level; the latest is 1


@dataclass(frozen=True)
class VPTime:
    """Time of the variance-preserving process: ln(1 + sigma^2) = slope u^2 / 2 + offset u.

    u: time, EARLIEST at the level `low` and 1 at the level `high`.
    """

    slope: float  # beta_max - beta_min
    offset: float  # beta_min

    @classmethod
    def between(cls, low: float = LOWEST, high: float = HIGHEST) -> "VPTime":
        """The process that goes through these levels."""
        first, last = math.log1p(low**2), math.log1p(high**2)
        slope = 2 * (first / EARLIEST - last) / (EARLIEST - 1)
        return cls(slope, last - slope / 2)

    def time(self, level: np.ndarray) -> np.ndarray:
        """Time of levels above 0."""
        return (
            np.sqrt(self.offset**2 + 2 * self.slope * np.log1p(np.square(level))) - self.offset
        ) / self.slope

    def level(self, time: np.ndarray) -> np.ndarray:
        """Level at times above 0."""
        return np.sqrt(np.expm1(self.slope * np.square(time) / 2 + self.offset * time))


def karras(points: int, low: float, high: float, rho: float) -> np.ndarray:
    """Even in sigma^(1/rho)."""
    ends = high ** (1 / rho), low ** (1 / rho)
    return np.linspace(*ends, points) ** rho


def logsnr(points: int, low: float, high: float, rho: float) -> np.ndarray:
    """Even in ln sigma; rho does nothing."""
    return np.exp(np.linspace(math.log(high), math.log(low), points))


def uniform(points: int, low: float, high: float, rho: float) -> np.ndarray:
    """Even in VP time^(1/rho)."""
    times = np.linspace(1, EARLIEST ** (1 / rho), points) ** rho
    return VPTime.between(low, high).level(times)


# name: the function, and the rho that it is used with
SCHEDULES: dict[str, tuple[Callable[[int, float, float, float], np.ndarray], float]] = {
    "karras": (karras, 7.0),
    "uniform": (uniform, 1.0),
    "logsnr": (logsnr, 1.0),
}


def levels(
    schedule: str,
    points: int,
    low: float = LOWEST,
    high: float = HIGHEST,
    rho: float | None = None,
) -> np.ndarray:
    """`points` levels, float64, from `high` down to `low`, both included exactly.

    schedule: a key of SCHEDULES.  rho: the higher, the more of them are low; None: the schedule's.
    Raises DataError unless 0 < low < high < inf and there are at least 2 points, and where the
    levels would not fall: the process of `uniform` has next to no noise at its lowest level.
    """
    if not 0 < low < high < math.inf:
        raise DataError(f"noise levels: found {low:g} to {high:g}; expected 0 < lowest < highest")
    if points < 2:
        raise DataError(f"noise levels: found {points}; expected 2 or more")
    function, usual = SCHEDULES[schedule]
    with np.errstate(invalid="ignore", over="ignore"):
        found = function(points, low, high, usual if rho is None else rho)
    found[0], found[-1] = high, low
    if not (np.diff(found) < 0).all():
        raise DataError(
            f"noise levels: {points} of {schedule} from {high:g} to {low:g}: they do not fall;"
            " expected a lower lowest level, or fewer"
        )
    return found
