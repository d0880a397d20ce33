"""Suites on the smallest images, on one image, with few classes or many: done, or refused."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from pyautoattack.square import SquareAttack
from torch import nn

from advlib.attacks import square, suites
from advlib.attacks.attack import attack as attack_network
from advlib.attacks.settings import AttackSettings
from advlib.attacks.suites import ATTACKS
from advlib.errors import DataError

EPS = {"Linf": "0.1", "L2": "0.3", "L1": "0.9"}
ORDER = {"Linf": torch.inf, "L2": 2, "L1": 1}
SHAPES = [(1, 1, 1), (3, 2, 3), (2, 10, 1)]


def network(shape, classes):
    torch.manual_seed(0)
    made = nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
    return nn.Sequential(made, nn.Tanh(), nn.Linear(classes, classes)).eval()


def attacked(name, norm, shape, classes, count):
    """What was found, with images black, white and grey; None where it was refused."""
    images = torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))
    images[1:2], images[2:3] = 0.0, 1.0
    model = network(shape, classes)
    label = model(images).argmax(1)
    try:
        found = attack_network(model, images, label, norm=norm, eps=EPS[norm], attack=name)
    except DataError as err:
        assert "\n" not in str(err) and "needs" in str(err)
        return None
    made = torch.from_numpy(found.adversarial)
    assert made.isfinite().all() and made.min() >= 0 and made.max() <= 1
    moved = torch.linalg.vector_norm((made - images).double().flatten(1), ORDER[norm], dim=1)
    assert moved.max() <= float(EPS[norm]) * (1 + 1e-5)
    fools = model(made).argmax(1) != label
    assert fools[torch.from_numpy(~found.robust)].all()
    return found


@pytest.mark.parametrize("norm", EPS)
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_on_small_images(name, norm, monkeypatch):
    monkeypatch.setattr(square, "STEPS", 40)
    for shape in SHAPES:
        found = attacked(name, norm, shape, 5, 3)
        assert (found is None) == (name == "square" and norm != "Linf" and shape[1] < 5)


@pytest.mark.parametrize("classes", [2, 3, 4, 300])
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_on_few_classes_and_on_many(name, classes, monkeypatch):
    monkeypatch.setattr(square, "STEPS", 40)
    found = attacked(name, "L2", (1, 5, 5), classes, 1)
    assert (found is None) == (classes < ATTACKS[name].fewest)


@pytest.mark.parametrize("columns", [1, 4, 5])
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9, 10])
def test_square_is_refused_on_no_image_that_the_library_attacks(rows, columns):
    shape = (1, rows, columns)
    its = SquareAttack(network(shape, 3), norm="L2", eps=0.3, n_queries=2, verbose=False)
    images, label = torch.rand(2, *shape), torch.zeros(2, dtype=torch.long)
    its.init_hyperparam(images)
    ours = AttackSettings(attack="square", norm="L2")
    if rows < 5:
        with pytest.raises(ZeroDivisionError), torch.no_grad():
            its.attack_single_run(images, label)
        with pytest.raises(DataError, match="in L2 it needs 5 rows of pixels"):
            suites.suite(ours, shape, 3)
    else:
        with torch.no_grad():
            its.attack_single_run(images, label)
        suites.suite(ours, shape, 3)


def test_a_network_of_one_class_is_refused():
    for name in ATTACKS:
        with pytest.raises(DataError, match="found 1 class; expected a network of 2 or more"):
            suites.suite(AttackSettings(attack=name), (3, 8, 8), 1)


@pytest.mark.parametrize("norm", EPS)
def test_a_radius_that_float32_does_not_show_is_refused(norm):
    least = Fraction(float(np.spacing(np.float32(1))))
    assert AttackSettings(norm=norm, eps=least).radius(3072) == least
    with pytest.raises(DataError, match=r"eps: found 5.96046e-08; expected 1.2e-07 or more"):
        AttackSettings(norm=norm, eps=least / 2).radius(3072)


def test_a_radius_of_nothing_is_said_as_a_number():
    with pytest.raises(DataError, match=r"^eps: found 0; expected a number above 0$"):
        AttackSettings(eps=Fraction(0))
