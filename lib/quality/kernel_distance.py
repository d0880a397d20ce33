"""Kernel distance of two sets of features: KID where the features are Inception's.

The squared maximum mean discrepancy of the kernel (x.y / d + 1)^3, which has no bias: its mean over
draws is that of infinitely many images, and it may fall below 0 where two sets are alike.

Source: Binkowski et al. 2018, "Demystifying MMD GANs", Eq. 4.
"""

from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError

DEGREE = 3
SUBSET = 1000  # images of each set in a subset
LEAST_SUBSETS = 5  # from which an error is told; sets that are smaller are cut finer


@dataclass(frozen=True)
class KernelDistance:
    """value: the mean over disjoint subsets.  error: its standard error."""

    value: float
    error: float


def kernel_distance(first: np.ndarray, second: np.ndarray) -> KernelDistance:
    """The distance of features (n, d) from others (m, d).

    Subsets have 1000 images of each set, fewer where that would leave less than five.  They are
    disjoint, so that the error is that of a mean of independent numbers.
    Raises DataError for fewer than ten images of a set.
    """
    images = min(len(first), len(second))
    size = min(SUBSET, images // LEAST_SUBSETS)
    if size < 2:
        raise DataError(f"{images} images; a kernel distance takes {2 * LEAST_SUBSETS} or more")
    count = images // size
    # every count-th, so that sets that are sorted by class give subsets of all classes
    subsets = [
        (_every(first, i, count, size), _every(second, i, count, size)) for i in range(count)
    ]
    found = [unbiased_mmd(one, two) for one, two in subsets]
    return KernelDistance(float(np.mean(found)), float(np.std(found, ddof=1) / count**0.5))


def unbiased_mmd(first: np.ndarray, second: np.ndarray) -> float:
    """The squared discrepancy of features (n, d) and (m, d); n and m of 2 or more."""
    one, two = first.astype(np.float64), second.astype(np.float64)
    within = [
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))
        for kernel in (_kernel(one, one), _kernel(two, two))
    ]
    return float(sum(within) - 2 * _kernel(one, two).mean())


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** DEGREE


def _every(features: np.ndarray, start: int, step: int, size: int) -> np.ndarray:
    return features[start::step][:size]
