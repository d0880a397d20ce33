"""Small networks and batches for tests of the training step, and how near numbers must be."""

import numpy as np
import official
import torch

from advlib.jobs.keyed_random import uniform
from advlib.jobs.ranks import Ranks
from advlib.models.network import build
from advlib.shards.augmentation import to_float

ALONE = Ranks(0, 1, torch.device("cpu"))


def network(seed=0, dtype=torch.float32, classes=4):
    torch.manual_seed(seed)
    made = build("wrn-10-1", classes, 8)
    for tensor in made.state_dict().values():  # weights and statistics far from where they start
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor += 0.2 * torch.rand_like(tensor)
    return made.to(dtype)


def batch(count=12, seed=0, classes=4):
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, count)
    image = random.integers(0, 200, (count, 8, 8, 3)) + 14 * label[:, None, None, None]
    return image.astype(np.uint8), label


def tensors(count=12, seed=0):
    image, label = batch(count, seed)
    noise = uniform(torch.arange(count) + 100 * seed, 5, (3, 8, 8))
    return to_float(torch.from_numpy(image)), torch.from_numpy(label), noise


def offset(noise, eps=official.EPS):
    """Uniform in [-eps, eps], of uniform in [0, 1)."""
    return (2 * noise - 1) * eps


def close(found, expected, tolerance=1e-5):
    for mine, its in zip(found, expected, strict=True):
        assert mine.dtype == its.dtype
        torch.testing.assert_close(mine.detach(), its.detach(), atol=tolerance, rtol=tolerance)
