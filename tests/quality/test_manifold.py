"""Precision and recall against torch-fidelity's function, density and coverage against loops."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_full

from advlib.errors import DataError
from advlib.quality import manifold
from advlib.quality.manifold import overlap


def draw(count, seed, shift=0.0, width=1.0):
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.normal(shift, width, (count, 3)))


@pytest.mark.parametrize("rows", [7, 1024])
def test_what_torch_fidelity_and_plain_loops_find(rows, monkeypatch):
    monkeypatch.setattr(manifold, "ROWS", rows)
    generated, real = draw(60, 0, 0.5, 0.7), draw(80, 1)
    found = overlap(generated, real)
    precision, recall = calculate_precision_recall_full(generated, real)
    assert (found.precision, found.recall) == pytest.approx((precision, recall), rel=1e-6)
    assert 0 < found.recall < found.precision < 1
    between = (real[:, None] - generated).norm(dim=2)
    own = (real[:, None] - real).norm(dim=2).sort(1).values[:, 5]
    inside = between <= own[:, None]
    assert found.density == pytest.approx(float(inside.sum()) / (5 * 60))
    assert found.coverage == pytest.approx(float(inside.any(1).double().mean()))


def test_the_same_points_overlap_wholly_and_far_ones_not_at_all():
    points = draw(40, 0)
    same, far = overlap(points, points), overlap(points + 100, points)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)


def test_five_points_have_no_fifth_neighbour():
    with pytest.raises(DataError, match="5 images; neighbours take 6 or more"):
        overlap(draw(50, 0), draw(5, 1))
