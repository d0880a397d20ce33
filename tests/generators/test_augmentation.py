"""The augmentation against the public code's, and what holds for any image."""

import math

import numpy as np
import pytest
import torch
from reference import DATA, assert_near
from scipy import stats

from advlib.generators import augmentation
from advlib.generators.augmentation import SYM6, Draws, augment, draw

ALL = ("xflip", "yflip", "scale", "rotate", "aniso", "aniso_rotate", "translate")


@pytest.fixture(scope="module")
def official():
    with np.load(DATA / "augment.npz") as file:
        return {name: torch.as_tensor(file[name]) for name in file.files}


def draws_of(official) -> Draws:
    """The draws of the public code, in the order of ours."""
    of = {name: official[f"draw_{name}"] for name in (k[5:] for k in official if k[:5] == "draw_")}
    angles = torch.stack([of["rotate_uniform"], of["aniso_angle_uniform"]], 1)
    return Draws(
        torch.stack([of[f"{name}_gate"].flatten() for name in ALL], 1),
        torch.stack([of["xflip_bit"].flatten(), of["yflip_bit"].flatten()], 1).float(),
        torch.stack([of["scale_normal"], of["aniso_normal"], *of["translate_normal"]], 1),
        (2 * angles - 1) * math.pi,
    )


def test_images_and_labels_are_those_of_the_public_code(official):
    images, labels = augment(official["images"], draws_of(official), float(official["probability"]))
    assert_near(labels, official["labels"], 1e-6)
    assert_near(images, official["augmented"], 2e-5)


def test_an_image_is_augmented_alike_in_any_batch(official):
    images, draws = official["images"], draws_of(official)
    whole, labels = augment(images, draws, 0.5)
    for i in range(len(images)):
        own = Draws(*(part[i : i + 1] for part in draws))
        image, label = augment(images[i : i + 1], own, 0.5)
        assert_near(image, whole[i : i + 1], 1e-5)
        assert torch.equal(label, labels[i : i + 1])


def test_the_filter_is_orthogonal_to_its_even_shifts_and_has_six_vanishing_moments():
    """Daubechies 1992, Sec. 8.1.1; only then a warp that moves nothing changes nothing."""
    taps = np.array(SYM6)
    for shift in range(6):
        product = (taps[2 * shift :] * taps[: 12 - 2 * shift]).sum()
        assert product == pytest.approx(float(shift == 0), abs=1e-9)
    signs = np.arange(12)
    for moment in range(6):
        high = taps * (-1.0) ** signs * (signs / 11) ** moment
        assert high.sum() == pytest.approx(0, abs=1e-7), moment


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 9), (3, 32, 32)])
def test_a_warp_that_moves_nothing_changes_nothing(shape):
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    assert_near(augmentation._warped(images, torch.eye(3).expand(2, 3, 3)), images, 1e-5)


def test_a_shift_by_whole_pixels_is_exact_and_a_quarter_turn_is_one():
    side = 16
    images = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    none = torch.ones(1, 7)

    def done(operation, **changed):
        gate = none.clone()
        gate[:, operation] = 0
        empty = {"bit": torch.zeros(1, 2), "normal": torch.zeros(1, 4), "angle": torch.zeros(1, 2)}
        return augment(images, Draws(gate, **(empty | changed)), 0.5)[0]

    right = done(6, normal=torch.tensor([[0, 0, 2 / (0.125 * side), 0]]))
    assert_near(right[..., 2:], images[..., :-2], 1e-5)
    turned = done(3, angle=torch.tensor([[math.pi / 2, 0.0]]))
    far = [float((turned - images.rot90(n, (2, 3))).abs().mean()) for n in range(4)]
    assert far[1] < 0.05 and min(far[0], far[2], far[3]) > 0.3  # the filter is not symmetric


def test_operations_come_as_often_as_they_should_and_none_at_probability_0():
    draws = draw(torch.arange(4000), 5)
    images = torch.zeros(4000, 1, 4, 4)
    _, labels = augment(images, draws, 0.12)
    share = (labels != 0).float().mean(0)
    # a flip needs its bit too; a stretch along a row has no second label
    for i, expected in enumerate([0.5, 0.06, 0.12, 0.12, 0.12, 0.12, 0.06, 0.12, 0.12]):
        count = int(share[i] * 4000 + 0.5)
        assert stats.binomtest(count, 4000, expected).pvalue > 1e-4, i
    assert stats.kstest(labels[labels[:, 2] != 0, 2].numpy(), stats.norm.cdf).pvalue > 1e-3
    same, none = augment(images, draws, 0.0)
    assert torch.equal(same, images) and not none.any()


def test_draws_hang_on_position_and_seed():
    whole, part = draw(torch.arange(10), 3), draw(torch.tensor([7]), 3)
    assert all(torch.equal(a[7:8], b) for a, b in zip(whole, part, strict=True))
    assert not torch.equal(draw(torch.tensor([7]), 4).gate, part.gate)
