"""Priors and noise of training against the public code's, and against their distributions."""

import math

import numpy as np
import pytest
import torch
from reference import EDM, PFGMPP, assert_near
from scipy import stats

from advlib.generators import noise
from advlib.generators.noise import Noise, OfficialSeeds

SHAPE, BIG = (3, 16, 16), (3, 32, 32)
SEEDS = torch.from_numpy(EDM["seed_list"])


def test_official_seeds_give_edms_latents_and_labels():
    found, label = OfficialSeeds().draw(SEEDS, SHAPE, 10, 1.0)
    assert_near(found, EDM["seed_latents"], 0)
    assert label.tolist() == EDM["seed_labels"].tolist()
    found, label = OfficialSeeds().draw(SEEDS, BIG, 10, 80.0)
    assert_near(found.flatten(1)[:, :16] / 80, EDM["seed_latents_32_first_values"], 1e-6)
    assert label.tolist() == EDM["seed_labels_32"].tolist()


@pytest.mark.parametrize(("shape", "side"), [(SHAPE, 16), (BIG, 32)])
def test_official_seeds_give_pfgmpps_priors_and_labels(shape, side):
    before = torch.random.get_rng_state()
    found, label = OfficialSeeds(2048).draw(SEEDS, shape, 10, 80.0)
    assert torch.equal(torch.random.get_rng_state(), before)
    flat = found.flatten(1)
    np.testing.assert_allclose(flat.norm(dim=1), PFGMPP[f"seed_prior_{side}_norm"], rtol=1e-6)
    assert_near(flat[:, :16], PFGMPP[f"seed_prior_{side}_first_values"], 1e-3)
    assert label.tolist() == PFGMPP["seed_labels"].tolist()


def test_seeds_beyond_32_bits_begin_again_and_no_class_has_no_label():
    far, label = OfficialSeeds().draw(torch.tensor([2**32 + 1]), SHAPE, 0, 1.0)
    near, _ = OfficialSeeds().draw(torch.tensor([1]), SHAPE, 0, 1.0)
    assert torch.equal(far, near) and label is None


def test_lengths_of_training_are_the_public_codes():
    level, beta = (torch.from_numpy(PFGMPP[f"train_{n}"]) for n in ("sigma", "beta"))
    found = noise.training_radius(level, beta, 2048)
    np.testing.assert_allclose(found, PFGMPP["train_radius"], rtol=1e-9)


def test_priors_of_the_public_code_are_lengths_times_directions():
    beta = PFGMPP["prior_beta"]
    radius = noise.PRIOR * math.sqrt(2048) * np.sqrt(beta / (1 - beta))
    np.testing.assert_allclose(radius, PFGMPP["prior_radius"], rtol=1e-6)


@pytest.mark.parametrize("dimensions", [None, 128, 2048])
def test_lengths_of_priors_are_distributed_as_they_should_be(dimensions):
    """|x|^2 is chi squared for EDM; b = R^2 / (R^2 + sigma^2 D) is Beta(N/2, D/2) for PFGM++."""
    found = Noise(dimensions).prior(torch.arange(4000), 7, (3, 4, 4), 80.0)
    square = found.flatten(1).square().sum(1).numpy() / 80**2
    if dimensions is None:
        law = stats.chi2(48)
    else:
        square, law = square / (square + dimensions), stats.beta(24, dimensions / 2)
    assert stats.kstest(square, law.cdf).pvalue > 1e-3
    direction = (found / found.flatten(1).norm(dim=1)[:, None, None, None]).flatten(1)
    assert stats.kstest(direction[:, 5].numpy() * math.sqrt(48), stats.norm.cdf).pvalue > 1e-4


def test_noise_of_training_is_of_its_level():
    draws = torch.randn(4000, 3, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    level = torch.linspace(0.1, 10, 4000)
    chance = torch.rand(4000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(
        Noise().perturb(level, draws, chance), level.double()[:, None, None, None] * draws
    )
    found = Noise(128).perturb(level, draws, chance)
    square = (found.flatten(1).square().sum(1) / level**2).numpy()
    assert stats.kstest(square / (square + 128), stats.beta(24, 64).cdf).pvalue > 1e-3
    # E R^2 = sigma^2 N D / (D - 2)
    assert square.mean() == pytest.approx(48 * 128 / 126, rel=0.02)


def test_an_images_noise_hangs_on_its_number_and_the_seed_alone():
    for kind in (Noise(), Noise(2048)):
        whole = kind.prior(torch.arange(50), 3, SHAPE, 80.0)
        part = kind.prior(torch.tensor([41, 7]), 3, SHAPE, 80.0)
        assert torch.equal(part, whole[[41, 7]])
        assert not torch.isclose(whole, kind.prior(torch.arange(50), 4, SHAPE, 80.0)).any()
    assert torch.equal(
        noise.unit_noise(torch.tensor([9]), 3, SHAPE, 5),
        noise.unit_noise(torch.arange(10), 3, SHAPE, 5)[9:],
    )


def test_streams_of_a_seed_and_of_seeds_beside_it_share_nothing():
    found = {noise.stream(seed, purpose) for seed in range(40) for purpose in range(50)}
    assert len(found) == 40 * 50


def test_labels_are_balanced_or_drawn():
    number = torch.arange(10_000)
    assert torch.equal(noise.labels(number, 0, 10, balanced=True), number % 10)
    drawn = noise.labels(number, 0, 10, balanced=False)
    assert stats.chisquare(torch.bincount(drawn, minlength=10).numpy()).pvalue > 1e-3
    assert torch.equal(noise.labels(number[77:80], 0, 10, balanced=False), drawn[77:80])
