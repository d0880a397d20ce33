"""Log residuals of the two parametric laws with exact first and second derivatives, for many
parameter vectors at once.

The fitting coordinates make the laws nearly linear, where the plain parameters run along a long
curved valley: the loss at the table's centre (geometric mean of N and D) instead of the floor E,
the slopes alpha A' and beta B' there instead of the amplitudes A and B, logarithms of what must be
positive.  They have no units, so a change of the units of N or D changes only the way back.

    Approach 2:  L = A' (e^(-alpha x) - g) + B' (e^(-beta y + zeta l) - g) + t g,    g = e^(eps l)
    Approach 3:  L = A' (e^(-alpha x) - 1) + S(y, z) - S(0, 0) + t + eps (l - mean l)
                 S(y, z) = (B'^(1/beta) e^-y + C'^(1/beta) e^(kappa z / beta))^beta

with x, y, z = log N, log D, log F less their means, l = log(1 + F), A' = slope_A / alpha and
B' = slope_B / beta.  A model made with `floor_at_zero` has t = 0 instead, and E = 0, for tables
whose best floor would be negative.

Shapes: n rows (runs), S parameter vectors (starts or bootstrap draws), P coordinates.  `theta` is
(P, S) float64; residuals are (n, S), log of predicted over observed loss.
Source: Bartoldson et al. 2024, Eqs. 3 and 5.
"""

import copy

import numpy as np

LARGEST = 690.0  # logarithm of the largest parameter; e^690 is about 1e299
LIMIT = 200.0  # exponents of terms stay below this, so that products of terms stay finite


def coordinate_bounds(exponents, signed, size):
    """Limits of the coordinates: exponents from a least value up to 10, signed ones within 10 of
    zero, the others free.  A table that wants an exponent below its bound shows no end to what that
    size buys.
    """
    low, high = np.full((size, 1), -np.inf), np.full((size, 1), np.inf)
    for index, least in exponents.items():
        low[index], high[index] = np.log(least), np.log(10.0)
    for index in signed:
        low[index], high[index] = -10.0, 10.0
    return low, high


class Residuals:
    """The centred data that both laws share."""

    names: tuple[str, ...]  # of the coordinates
    bounds: tuple[np.ndarray, np.ndarray]  # of the coordinates, each (P, 1)

    def __init__(self, params, samples, fid, loss, floor_at_zero=False):
        """All of shape (n,): counts > 0, FID >= 0, nats > 0."""
        log_n, log_d = np.log(params), np.log(samples)
        self.center_n, self.center_d = log_n.mean(), log_d.mean()
        self.x = (log_n - self.center_n)[:, None]
        self.y = (log_d - self.center_d)[:, None]
        self.target = np.log(loss)[:, None]
        self.level = float(np.exp(np.log(loss).mean()))  # nats
        self.log1p_fid = np.log1p(fid)[:, None]
        self.centred = 0.0 if floor_at_zero else 1.0

    def residual(self, theta):
        """The residuals log L_hat - log L, (n, S); NaN where L_hat is not positive."""
        return safe_log(self._loss(theta)) - self.target

    def _loss(self, theta):
        raise NotImplementedError

    def rows(self, index):
        """The same model of some of its rows."""
        part = copy.copy(self)
        for name in ("x", "y", "z", "ell", "log1p_fid", "target"):
            if hasattr(self, name):
                setattr(part, name, getattr(self, name)[index])
        return part

    def gradient(self, theta, free):
        """Residuals (n, S), and their derivatives by the coordinates `free`, arrays (n, S)."""
        return self.derivatives(theta, free)[:2]

    def derivatives(self, theta, free):
        """As `gradient`, and a function that, given weights (n, S), returns
        {(i, j): sum over rows of weight * d2L/didj / L} for i <= j where it is not zero.
        """
        loss, columns, curvature = self._derivatives(theta)
        scaled = [np.broadcast_to(columns[i], loss.shape) / loss for i in free]
        return safe_log(loss) - self.target, scaled, curvature

    def _derivatives(self, theta):
        raise NotImplementedError


def as_number(log):
    """e^log, kept within what a float can hold."""
    return np.exp(np.clip(log, -LARGEST, LARGEST))


def safe_exp(x):
    """e^x without overflow: x is held below LIMIT."""
    return np.exp(np.minimum(x, LIMIT))


def safe_log(x):
    """The logarithm of x, NaN where x is not positive."""
    return np.log(np.where(x > 0, x, np.nan))


def column_sum(x):
    """Sums over rows: (n, S) to (S,)."""
    return x.sum(axis=0)


def column_dot(x, y):
    """Sums over rows of products: (n, S) or (n, 1) each, to (S,)."""
    return np.einsum("ns,ns->s", x, y)
