"""What is said of networks whose answer for an image hangs on the images beside it."""

import pytest
import torch
from torch import nn

from advlib.attacks.batch_dependence import SAME, batch_dependence
from advlib.models.arithmetic import EXACT

torch.manual_seed(0)
INNER = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)).eval()
BY_BATCH = nn.BatchNorm2d(3).train()
IMAGES = torch.rand(8, 3, 8, 8)

DEPENDENT = {
    "mean of the batch": lambda x: INNER(x - x.mean(0)),
    "a thousandth of it": lambda x: INNER(x - 1e-3 * x.mean(0)),
    "batch norm in training mode": lambda x: INNER(BY_BATCH(x)),
    "the largest of the batch": lambda x: INNER(x / x.amax()),
    "the neighbour's answer": lambda x: INNER(x).flip(0),
    "how many there are": lambda x: INNER(x / len(x)),
    "alone or not": lambda x: INNER(x) if len(x) > 1 else -INNER(x),
    "a mean, and random numbers": lambda x: INNER(x - x.mean(0)) + torch.randn(len(x), 10),
    "scaled up": lambda x: 1e4 * INNER(x - x.mean(0)),
}
ALONE = {
    "as it is": INNER,
    "its own mean": lambda x: INNER(x - x.mean((1, 2, 3), keepdim=True)),
    "random numbers": lambda x: INNER(x) + torch.randn(len(x), 10),
    "scaled up": lambda x: 1e4 * INNER(x),
    "steps inside": lambda x: INNER((x * 16).round() / 16),
    "constant": lambda x: 0 * INNER(x),
}


@pytest.mark.parametrize("batch", [2, 5, 256])
@pytest.mark.parametrize("name", DEPENDENT)
def test_logits_that_hang_on_the_batch_are_seen(name, batch):
    assert batch_dependence(DEPENDENT[name], IMAGES, batch, EXACT) > SAME


@pytest.mark.parametrize("batch", [1, 5, 256])
@pytest.mark.parametrize("name", ALONE)
def test_what_an_image_gets_whatever_is_beside_it_is_no_dependence(name, batch):
    assert batch_dependence(ALONE[name], IMAGES, batch, EXACT) == 0


def test_the_share_is_of_the_largest_logit():
    found = batch_dependence(lambda x: x.flatten(1)[:, :2] * 0 + x.mean(), IMAGES[:1], 2, EXACT)
    mean = IMAGES[0].mean().item()
    assert found == pytest.approx(max(mean, 1 - mean) / 2 / mean, rel=1e-4)


def test_numbers_as_coarse_as_bfloat16_may_differ_alone():
    def rounded(x):  # by a few neighbours, as another order of sums does
        return INNER(x) * (1 + 0.02 * (len(x) == 1))

    assert batch_dependence(rounded, IMAGES, 256, EXACT) > 0
    assert batch_dependence(rounded, IMAGES, 256, 2.0**-7) == 0
