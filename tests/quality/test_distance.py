"""Distances of parts and of infinitely many images; statistics that do not go together."""

import numpy as np
import pytest
import torch

from advlib.errors import DataError
from advlib.quality.distance import Distance, distance, extrapolated, require_same_features
from advlib.quality.frechet import Normal
from advlib.quality.gathering import Gathered
from advlib.quality.statistics import Moments, Statistics

SIZE = 8
SHIFT = 0.5  # of one mean: the true distance is its square


def gathered(parts, each, seed=0):
    """Draws from a normal distribution with one mean off by SHIFT."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(parts):
        draws = random.normal(size=(each, SIZE))
        draws[:, 0] += SHIFT
        moments = Moments(SIZE)
        moments.add(torch.from_numpy(draws))
        found.append(moments)
    return Gathered(found, np.empty(0, int), torch.empty(0, SIZE), np.empty((parts, 0), int))


REFERENCE = Normal(np.zeros(SIZE), np.eye(SIZE))


def test_parts_are_farther_than_the_whole_and_say_how_sure_it_is():
    found = distance(gathered(4, 100), REFERENCE)
    assert len(found.parts) == 4 and found.least == min(found.parts)
    assert found.value < found.mean
    assert found.error == pytest.approx(np.std(found.parts, ddof=1) / 2)
    alone = distance(gathered(1, 100), REFERENCE)
    assert (alone.mean, alone.error, alone.least) == (None, None, None)


def test_extrapolation_takes_away_what_few_images_add():
    """The mean over many sets: of 8 x 50 images, and of infinitely many."""
    known, whole = [], []
    for seed in range(40):
        found = gathered(8, 50, seed)
        measured = distance(found, REFERENCE)
        whole.append(measured.value)
        known.append(extrapolated(found, REFERENCE, measured))
    bias = np.mean(whole) - SHIFT**2
    assert bias > 0.05
    assert abs(np.mean(known) - SHIFT**2) < 0.25 * bias


def test_an_exact_line_is_extrapolated_exactly(monkeypatch):
    """Distances 3 + 20 / n, whatever the draws."""
    monkeypatch.setattr(
        "advlib.quality.distance.moments_distance", lambda moments, _: 3 + 20 / moments.count
    )
    found = gathered(6, 10)
    assert extrapolated(found, REFERENCE, Distance(3 + 20 / 60, (5.0,) * 6)) == pytest.approx(3)
    with pytest.raises(DataError, match="3 parts; an extrapolation takes 4 or more"):
        extrapolated(gathered(3, 10), REFERENCE, Distance(1, (1.0,) * 3))


def test_statistics_of_different_features_are_refused():
    def statistics(size, **features):
        about = {"features": features} if features else {}
        return Statistics(np.zeros(size), np.eye(size), 9, about)

    names = ("gen", "ref.npz")
    with pytest.raises(DataError, match=r"ref.npz: 3 features; gen has 2"):
        require_same_features(statistics(2), statistics(3), names)
    one = statistics(2, name="inception", resize="TensorFlow 1")
    other = statistics(2, name="inception", resize="half pixel")
    with pytest.raises(DataError, match=r"ref.npz: features with resize half pixel; those of gen"):
        require_same_features(one, other, names)
    require_same_features(one, one, names)
    require_same_features(one, statistics(2), names)
