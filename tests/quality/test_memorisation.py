"""The share of copies: all of copies, half of new images, none of far ones."""

import numpy as np
import pytest
import torch

from advlib.errors import DataError
from advlib.quality.memorisation import memorisation


def draw(count, seed, size=2):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, size)))


def test_copies_are_found_with_their_originals():
    training = draw(200, 0)
    noise = 1e-4 * draw(50, 1)
    found = memorisation(training[40:90] + noise, training)
    assert found.nearest.tolist() == list(range(40, 90))
    assert found.share > 0.9 and np.median(found.ratio) < 0.1
    exact = memorisation(training[:9], training)
    assert exact.ratio == pytest.approx(0, abs=1e-6) and exact.share == 1


def test_new_images_are_counted_by_a_plain_loop():
    training, generated = draw(150, 0), draw(100, 1)
    found = memorisation(generated, training)
    apart = (generated[:, None] - training).norm(dim=2)
    own = (training[:, None] - training).norm(dim=2).fill_diagonal_(np.inf).min(1).values
    nearest = apart.argmin(1)
    assert found.nearest.tolist() == nearest.tolist()
    expected = apart.min(1).values / own[nearest]
    assert found.ratio == pytest.approx(expected.numpy(), rel=1e-5)
    assert 0.2 < found.share < 0.8
    assert memorisation(generated + 100, training).share == 0


def test_training_images_that_come_twice_are_no_proof():
    training = torch.cat([torch.zeros(2, 2), 10 + draw(20, 0)]).double()
    near = torch.full((1, 2), 0.01, dtype=torch.float64)
    assert memorisation(near, training).ratio.tolist() == [np.inf]
    assert memorisation(torch.zeros(1, 2), training).share == 1


def test_one_training_image_is_too_few():
    with pytest.raises(DataError, match="1 training images; expected 2 or more"):
        memorisation(draw(5, 0), draw(1, 1))
