"""Frechet distance between two sets of features, each taken as a normal distribution.

    FD = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))

The last trace is the sum of the roots of the eigenvalues of S1 S2, which are those of the symmetric
L' S1 L where S2 = L L'.  A matrix root, as scipy.linalg.sqrtm, is slower by several times, and of
singular matrices it comes out with imaginary parts.

Source: Heusel et al. 2017, Eq. 6 (FID, the features being Inception's); Dowson and Landau 1982.
"""

from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh, eigvalsh

from advlib.errors import DataError


def frechet_distance(
    mean_1: np.ndarray, cov_1: np.ndarray, mean_2: np.ndarray, cov_2: np.ndarray
) -> float:
    """The distance, 0 or above, of two means (d,) and covariances (d, d), float64.

    A covariance may be singular, as of fewer images than features.
    Raises DataError where shapes differ, or a number is not finite.
    """
    return Normal(mean_2, cov_2).distance(mean_1, cov_1)


class Normal:
    """A normal distribution that others are compared with; its factor is computed once."""

    def __init__(self, mean: np.ndarray, cov: np.ndarray):
        """mean: (d,), cov: (d, d), float64.  Raises DataError as `frechet_distance`."""
        self.mean, self.cov = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
        size = len(self.mean) if self.mean.ndim == 1 else 0
        if not size or self.cov.shape != (size, size):
            raise DataError(
                f"statistics of shapes {mean.shape}, {cov.shape}; expected (d,), (d, d)"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.cov).all()):
            raise DataError("statistics that are not finite have no distance")

    def distance(self, mean: np.ndarray, cov: np.ndarray) -> float:
        """The distance of another.  Raises DataError as `frechet_distance`."""
        other = Normal(mean, cov)
        if other.mean.shape != self.mean.shape:
            raise DataError(
                f"statistics of shapes {other.mean.shape} and {self.mean.shape}; expected the same"
            )
        product = self._root.T @ other.cov @ self._root
        roots = np.sqrt(eigvalsh(product, check_finite=False).clip(0))
        apart = self.mean - other.mean
        traces = np.trace(self.cov) + np.trace(other.cov)
        return max(0.0, float(apart @ apart + traces - 2 * roots.sum()))  # rounding: -1e-12, say

    @cached_property
    def _root(self) -> np.ndarray:
        """L with L L' = cov: a Cholesky factor, of singular matrices from eigenvectors."""
        try:
            return cholesky(self.cov, lower=True, check_finite=False)
        except LinAlgError:
            values, vectors = eigh(self.cov, check_finite=False)
            positive = values > 0  # rank of them; the rest is rounding about 0
            return vectors[:, positive] * np.sqrt(values[positive])
