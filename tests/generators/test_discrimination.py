"""A discriminator's loss is the cross-entropy of real and generated images at the public times."""

import math

import numpy as np
import pytest
import torch
from reference import DG
from torch.nn.functional import binary_cross_entropy

from advlib.generators.discrimination import Discrimination, times
from advlib.generators.discriminator import FeatureDiscriminator
from advlib.generators.extractor import Extractor
from advlib.generators.guidance import Guidance, vp_level, vp_scale
from advlib.generators.recipe import GeneratorRecipe
from advlib.shards.batches import Batch


class Pixels(Extractor):
    """The images themselves."""

    kind = "pixels"

    def __init__(self, shape=(1, 2, 2)):
        super().__init__(torch.nn.Linear(1, 1), shape)

    def forward(self, images, tau):
        return images


def is_real(position):
    return position % 2 == 1


def judged(**changed):
    torch.manual_seed(0)
    recipe = GeneratorRecipe(kind="discriminator", **changed)
    return Discrimination("adm-32x1", Pixels(), "0" * 64, 0, recipe, is_real)


def test_times_are_those_of_the_public_code():
    """But for what its float32 sums up to the first of them: levels apart by the same steps."""
    found = times(torch.from_numpy(DG["importance_u"]))
    np.testing.assert_allclose(found[1:], DG["importance_t"][1:], rtol=1e-2)
    steps = [
        vp_level(torch.as_tensor(t, dtype=torch.float64)).log().diff()[2:]
        for t in (found, DG["importance_t"])
    ]
    torch.testing.assert_close(*steps, rtol=1e-3, atol=0)
    assert times(torch.tensor([0.0])).item() == pytest.approx(1e-5, rel=1e-6)


def test_the_logarithm_of_the_level_is_uniform():
    """So the density of tau is as beta / s^2, whose integral is the public code's normaliser."""
    levels = vp_level(times(torch.tensor([0.0, 0.25, 0.5, 0.999999]))).log()
    steps = levels.diff()
    assert steps[0].item() == pytest.approx(steps[1].item(), rel=1e-6)
    assert 2 * (levels[-1] - levels[0]).item() == pytest.approx(DG["importance_Z"], rel=2e-3)


def test_levels_of_times_are_those_of_the_guidance():
    level, tau = torch.from_numpy(DG["sde_sigma"]), torch.from_numpy(DG["sde_tau"])
    np.testing.assert_allclose(vp_level(tau), level, rtol=1e-9)


def batch_of(image, first=0):
    position = torch.arange(first, first + len(image))
    return Batch(image, torch.zeros(len(image), dtype=torch.int64), position)


def test_the_loss_is_cross_entropy_of_noisy_images_of_either_kind():
    made = judged()
    image = torch.randint(0, 256, (64, 2, 2, 1), dtype=torch.uint8)
    batch = batch_of(image, 1000)
    found = made.loss(made.network, batch)
    images, tau = made.noisy(batch)
    probability = FeatureDiscriminator(made.extractor, made.network).probability(images, tau, None)
    real = torch.tensor([0.0, 1.0] * 32)
    expected = binary_cross_entropy(probability, real, reduction="none")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    half = made.noisy(batch_of(image[32:], 1032))
    torch.testing.assert_close(half[0], images[32:], rtol=0, atol=0)


def test_noise_is_that_of_the_variance_preserving_process():
    made = judged(seed=4)
    images, tau = made.noisy(batch_of(torch.full((4000, 2, 2, 1), 255, dtype=torch.uint8)))
    scale = vp_scale(vp_level(tau.double()))
    noise = (images.double() - scale[:, None, None, None]) / (1 - scale**2).sqrt()[
        :, None, None, None
    ]
    late = tau > 0.01
    assert noise[late].mean().abs() < 0.02 and noise[late].std().item() == pytest.approx(
        1, abs=0.02
    )


STEPS = 400
MEANS, DEVIATION = (0.3, -0.1), 0.2  # of real and generated pixels


def draw(rng, count):
    """Images whose pixels are N(MEANS, DEVIATION^2), real ones at odd places."""
    mean = np.where(np.arange(count) % 2, *MEANS)[:, None, None, None]
    values = rng.normal(mean, DEVIATION, (count, 2, 2, 1))
    return torch.from_numpy(np.rint(values * 127.5 + 127.5).clip(0, 255).astype(np.uint8))


def log_ratio(images, tau):
    """ln p - ln q of noisy real and generated images."""
    scale = vp_scale(vp_level(tau.double()))
    variance = (scale * DEVIATION) ** 2 + 1 - scale**2
    off = [(images.double().flatten(1) - m * scale[:, None]).square().sum(1) for m in MEANS]
    return (off[1] - off[0]) / (2 * variance)


def test_a_trained_one_guides_by_the_gradient_of_the_known_log_ratio():
    """Gaussians of one deviation: the ratio is linear, its gradient the same everywhere."""
    made, rng = judged(seed=1), np.random.default_rng(0)
    optimiser = torch.optim.Adam(made.network.parameters(), 2e-3)
    falls = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, STEPS)
    for step in range(STEPS):
        batch = batch_of(draw(rng, 128), 128 * step)
        optimiser.zero_grad()
        made.loss(made.network, batch).mean().backward()
        optimiser.step()
        falls.step()
    made.network.requires_grad_(False)
    last = batch_of(draw(rng, 4096), 10**6)
    images, tau = made.noisy(last)
    real = is_real(last.position).double()
    least = binary_cross_entropy(torch.sigmoid(log_ratio(images, tau)), real)
    assert made.loss(made.network, last).mean().item() == pytest.approx(least.item(), abs=0.02)
    assert least < math.log(2) - 0.2
    judge = FeatureDiscriminator(made.extractor, made.network).of(None)
    for level in (0.3, 0.6):
        x = rng.normal(np.mean(MEANS), math.hypot(DEVIATION, level), (500, 1, 2, 2))
        term = Guidance(judge)(torch.from_numpy(x), level).mean()
        exact = -level * (MEANS[0] - MEANS[1]) / (DEVIATION**2 + level**2)
        np.testing.assert_allclose(term, exact, rtol=0.2)
