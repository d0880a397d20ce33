"""Log residuals of the parametric laws with exact first and second derivatives, for many parameter
vectors at once.

The fitting coordinates make the laws nearly linear, where the plain parameters run along a long
curved valley: the loss at the table's centre (geometric mean of N and D) instead of the floor E,
the slopes alpha A' and beta B' there instead of the amplitudes A and B, logarithms of what must be
positive.  They have no units, so a change of the units of N or D changes only the way back.
x and y are log N and log D less their means.  Each law's file has its formula.

Shapes: n rows (runs), S parameter vectors (starts or bootstrap draws), P coordinates.  `theta` is
(P, S) float64; residuals are (n, S), log of predicted over observed loss.
Source: Bartoldson et al. 2024, Eqs. 3 and 5.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advlib.laws.form import Form

LARGEST = 690.0  # logarithm of the largest parameter; e^690 is about 1e299
LIMIT = 200.0  # exponents of terms stay below this, so that products of terms stay finite
MOST = 10.0  # largest exponent, and largest size of a parameter of either sign
AT_BOUND = 1e-6  # of a coordinate from its bound, at which it stands there

Curvature = Callable[[np.ndarray], dict[tuple[int, int], np.ndarray]]


@dataclass(frozen=True)
class Coordinate:
    """A fitting coordinate: its name, the parameter that it stands for, and its limits."""

    name: str
    parameter: str
    low: float = -np.inf
    high: float = np.inf


def exponent(parameter: str, least: float) -> Coordinate:
    """The logarithm of an exponent, from a least value up.  A table that wants an exponent below
    its bound shows no end to what that size buys.
    """
    return Coordinate(f"log {parameter}", parameter, float(np.log(least)), float(np.log(MOST)))


def signed(parameter: str) -> Coordinate:
    """A parameter of either sign, as it is."""
    return Coordinate(parameter, parameter, -MOST, MOST)


class Residuals:
    """A law in its fitting coordinates, with the centred data of a table."""

    form: Form
    coordinates: tuple[Coordinate, ...]
    bounds: tuple[np.ndarray, np.ndarray]  # of the coordinates, (P, 1) each
    by_row: tuple[str, ...] = ("x", "y", "ell", "log1p_fid", "target")  # attributes, (n, 1) each

    def __init_subclass__(cls) -> None:
        low, high = ([getattr(c, end) for c in cls.coordinates] for end in ("low", "high"))
        cls.bounds = np.array(low)[:, None], np.array(high)[:, None]

    def __init__(
        self,
        params: np.ndarray,
        samples: np.ndarray,
        fid: np.ndarray,
        loss: np.ndarray,
        held_at: float | None = None,
    ):
        """All of shape (n,): counts > 0, FID >= 0, nats > 0.

        held_at: one of `ends`, where the floor is held at 0, for tables whose best floor would be
        negative there.
        """
        log_n, log_d = np.log(params), np.log(samples)
        self.center_n, self.center_d = log_n.mean(), log_d.mean()
        self.x = (log_n - self.center_n)[:, None]
        self.y = (log_d - self.center_d)[:, None]
        self.target = np.log(loss)[:, None]
        self.level = float(np.exp(np.log(loss).mean()))  # nats
        self.log1p_fid = np.log1p(fid)[:, None]
        self.ell = self.log1p_fid
        self.centred = 1.0 if held_at is None else 0.0

    @property
    def ends(self) -> tuple[float, ...]:
        """Values of log(1 + FID) between which the floor is highest or lowest at an end."""
        return (0.0,)

    def floor(self, parameters: Mapping[str, Any], end: float) -> Any:
        """The floor without saturation at a value of log(1 + FID)."""
        return parameters["E"]

    @classmethod
    def at_bounds(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Whether each parameter that the search bounds stands at a bound, by name."""
        found = {}
        for coordinate in cls.coordinates:
            if np.isfinite([coordinate.low, coordinate.high]).any():
                value = np.asarray(parameters[coordinate.parameter], dtype=float)
                where = value if coordinate.name == coordinate.parameter else np.log(value)
                near = np.minimum(abs(where - coordinate.low), abs(where - coordinate.high))
                found[coordinate.parameter] = near <= AT_BOUND
        return found

    @classmethod
    def places(cls, names: Iterable[str]) -> list[int]:
        """The coordinates that stand for some parameters, as indices into `theta`."""
        wanted = set(names)
        return [i for i, c in enumerate(cls.coordinates) if c.parameter in wanted]

    @classmethod
    def place(cls, name: str) -> int:
        """The coordinate that stands for a parameter, as an index into `theta`."""
        return cls.places([name])[0]

    def residual(self, theta: np.ndarray) -> np.ndarray:
        """The residuals log L_hat - log L, (n, S); NaN where L_hat is not positive."""
        return safe_log(self._loss(theta)) - self.target

    def _loss(self, theta: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def rows(self, index: np.ndarray) -> "Residuals":
        """The same model of some of its rows."""
        part = copy.copy(self)
        for name in self.by_row:
            setattr(part, name, getattr(self, name)[index])
        return part

    def gradient(
        self, theta: np.ndarray, free: Sequence[int]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Residuals (n, S), and their derivatives by the coordinates `free`, arrays (n, S)."""
        residual, columns, _ = self.derivatives(theta, free)
        return residual, columns

    def derivatives(
        self, theta: np.ndarray, free: Sequence[int]
    ) -> tuple[np.ndarray, list[np.ndarray], Curvature]:
        """As `gradient`, and a function that, given weights (n, S), returns
        {(i, j): sum over rows of weight * d2L/didj / L} for i <= j where it is not zero.
        """
        loss, columns, curvature = self._derivatives(theta)
        scaled = [np.broadcast_to(columns[i], loss.shape) / loss for i in free]
        return safe_log(loss) - self.target, scaled, curvature

    def _derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], Curvature]:
        """The loss (n, S), its derivatives by all coordinates, and the curvature."""
        raise NotImplementedError

    def parameters(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The law's parameters at FID 0, arrays (S,); names and units as in its form."""
        raise NotImplementedError

    def theta(self, parameters: Mapping[str, Any]) -> np.ndarray:
        """Coordinates (P, ...) of the law with `parameters`, the inverse of `parameters`."""
        raise NotImplementedError


def as_number(log: np.ndarray) -> np.ndarray:
    """e^log, kept within what a float can hold."""
    return np.exp(np.clip(log, -LARGEST, LARGEST))


def safe_exp(x: np.ndarray) -> np.ndarray:
    """e^x without overflow: x is held below LIMIT."""
    return np.exp(np.minimum(x, LIMIT))


def safe_log(x: np.ndarray) -> np.ndarray:
    """The logarithm of x, NaN where x is not positive."""
    return np.log(np.where(x > 0, x, np.nan))


def column_sum(x: np.ndarray) -> np.ndarray:
    """Sums over rows: (n, S) to (S,)."""
    return x.sum(axis=0)


def column_dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sums over rows of products: (n, S) or (n, 1) each, to (S,)."""
    return np.einsum("ns,ns->s", x, y)
