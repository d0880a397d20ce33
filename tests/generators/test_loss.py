"""The loss against the public code's, and its noise as a function of the image's place."""

import numpy as np
import pytest
import torch
from reference import EDM, PFGMPP, network
from scipy import stats

from advlib.generators.loss import DenoisingLoss, to_signed, weighted_error
from advlib.generators.noise import Noise, training_radius
from advlib.shards.batches import Batch


def loss(noise=None, **changed):
    known = {"mean": -1.2, "deviation": 1.2, "augment": 0.12, "labels": True, "seed": 3}
    return DenoisingLoss(noise or Noise(), **(known | changed))


def batch(count, first=0):
    image = torch.randint(0, 256, (count, 16, 16, 3), generator=torch.Generator().manual_seed(0))
    position = torch.arange(first, first + count)
    return Batch(image.to(torch.uint8), position % 10, position)


@pytest.mark.parametrize(("form", "numbers"), [("ddpmpp", EDM), ("ncsnpp", PFGMPP)])
def test_the_loss_of_an_image_is_the_public_codes(form, numbers):
    clean, level = (torch.from_numpy(numbers[f"loss_{n}"]) for n in ("images", "sigma"))
    level = level.flatten().double()
    if form == "ddpmpp":
        unit = torch.from_numpy(EDM["loss_unit_noise"]).double()
        noise = Noise().perturb(level, unit, torch.full((4,), 0.5))
    else:
        draws = torch.from_numpy(PFGMPP["loss_direction_gaussian"]).double().view(4, 3, 16, 16)
        radius = training_radius(level, torch.from_numpy(PFGMPP["loss_beta"]).double(), 2048)
        noise = draws * (radius / draws.flatten(1).norm(dim=1))[:, None, None, None]
    with torch.no_grad():
        denoised = network(form)(clean + noise, level.float(), torch.from_numpy(numbers["labels"]))
    found = weighted_error(denoised, clean, level)
    np.testing.assert_allclose(found, numbers["loss_per_image_sum"], rtol=1e-4)


def test_images_are_scaled_to_minus_1_to_1():
    image = torch.tensor([[0, 127, 255]], dtype=torch.uint8).view(1, 1, 3, 1)
    assert to_signed(image).flatten().tolist() == pytest.approx([-1, 127 / 127.5 - 1, 1])


@pytest.mark.parametrize("noise", [Noise(), Noise(128)])
def test_an_images_loss_hangs_on_its_place_and_the_seed_alone(noise):
    whole = batch(8, first=40)
    with torch.no_grad():
        found = loss(noise)(network("ddpmpp"), whole)
        half = loss(noise)(network("ddpmpp"), Batch(*(t[5:] for t in whole)))
        other = loss(noise, seed=4)(network("ddpmpp"), whole)
    torch.testing.assert_close(half, found[5:], rtol=1e-4, atol=1e-4)
    assert found.shape == (8,) and not torch.isclose(found, other).any()


def test_levels_are_log_normal():
    found = loss(mean=0.5, deviation=0.7).levels(torch.arange(4000)).log()
    assert stats.kstest(found.numpy(), stats.norm(0.5, 0.7).cdf).pvalue > 1e-3


def test_a_network_that_knows_nothing_has_a_loss_of_1_a_value():
    """D = c_skip x has an error of 1 a value at every level where y^2 = s^2."""

    def nothing(x, level, label, augmented, draws):
        sigma = level.double().view(-1, 1, 1, 1)
        return (0.25 / (sigma**2 + 0.25) * x).float()

    count = 2000
    sign = (torch.arange(count * 48).view(count, 4, 4, 3) * 7919 % 2).to(torch.uint8)
    image = 64 + 127 * sign  # -.498 and .498
    position = torch.arange(count)
    found = loss(augment=0.0)(nothing, Batch(image, position % 10, position)) / 48
    assert float(found.mean()) == pytest.approx(1, abs=0.03)


def test_the_network_is_told_of_class_and_augmentation_only_where_asked():
    seen = []

    def network(x, level, label, augmented, draws):
        seen.append((label, augmented, draws))
        return x.float()

    loss()(network, batch(4))
    loss(augment=0.0, labels=False)(network, batch(4))
    (label, augmented, draws), (no_label, no_augmented, same) = seen
    assert label.tolist() == [0, 1, 2, 3] and augmented.shape == (4, 9)
    assert no_label is None and no_augmented is None
    assert torch.equal(draws, same) and len(draws.unique()) == 4
