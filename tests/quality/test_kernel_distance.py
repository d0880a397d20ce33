"""KID against torch-fidelity's function, and its error against many draws."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from advlib.errors import DataError
from advlib.quality.kernel_distance import kernel_distance, unbiased_mmd


def draw(count, seed, shift=0.0, size=6):
    return np.random.default_rng(seed).normal(shift, 1, (count, size))


def test_of_one_subset_it_is_torch_fidelitys():
    one, two = draw(50, 0), draw(50, 1, 0.3)
    theirs = kid_features_to_metric(
        torch.from_numpy(one),
        torch.from_numpy(two),
        kid_subsets=1,
        kid_subset_size=50,
        verbose=False,
    )["kernel_inception_distance_mean"]
    assert unbiased_mmd(one, two) == pytest.approx(theirs, rel=1e-9)


def test_the_error_is_that_of_many_draws_and_the_mean_of_equals_is_zero():
    found = [kernel_distance(draw(200, 2 * i), draw(200, 2 * i + 1)) for i in range(60)]
    values, errors = [f.value for f in found], [f.error for f in found]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.35)
    assert abs(np.mean(values)) < 4 * np.std(values) / 60**0.5


def test_sorted_sets_give_subsets_of_all_classes():
    """Two halves far apart, in the same order: each subset has both, so nothing is between sets."""
    one = np.concatenate([draw(50, 0, -5), draw(50, 1, 5)])
    two = np.concatenate([draw(50, 2, 5), draw(50, 3, -5)])
    apart = kernel_distance(draw(100, 4, -5), draw(100, 5, 5)).value
    assert abs(kernel_distance(one, two).value) < apart / 20


def test_too_few_images_are_refused():
    with pytest.raises(DataError, match="9 images; a kernel distance takes 10 or more"):
        kernel_distance(draw(9, 0), draw(50, 1))
