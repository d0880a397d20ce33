"""Square Attack against the AutoAttack library, image by image, and against itself."""

import copy
import io
import math
from functools import cache

import pytest
import torch
from pyautoattack.square import SquareAttack
from robust import convolutional
from torch import nn

from advlib.attacks import square as module
from advlib.attacks.draws import Keyed, Library
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.square import square
from advlib.shards.sources import open_source

EPS = {"Linf": 0.12, "L2": 0.9, "L1": 4.0}  # at which about half of the images withstand
ORDERS = {"Linf": float("inf"), "L2": 2, "L1": 1}
IMAGES, STEPS, BATCH = 130, 300, 48
SHORT = 150  # more than are drawn at once
norms = pytest.mark.parametrize("norm", EPS)


@cache
def digits(split, count):
    """Images (n, 2, 8, 7), a digit and its negative: no two sides are alike, nor a side and 1."""
    chunk = next(iter(open_source("digits", split).chunks()))
    image = torch.tensor(chunk.image[:count, ::4, 1::4, :1]).permute(0, 3, 1, 2) / 255
    image = torch.cat((image, 1 - image), 1)[..., :7].contiguous()
    return image, torch.tensor(chunk.label[:count]).long()


@cache
def trained():
    return convolutional(*digits("train", 1000), steps=150, noise=0.3).inner


def network(images):
    # in float64, lest logits hang on who else is in a batch
    return trained()(images.double())


def coarse(images):
    """Its margins are often just 0."""
    return (network(images) * 4).round()


def problem(norm, draws=None, oracle=None, rows=slice(IMAGES)):
    images, label = (whole[rows] for whole in digits("test", IMAGES))
    number = torch.arange(IMAGES)[rows]
    made = Problem(
        oracle or Oracle(network, batch=64),
        images,
        label,
        norm,
        EPS[norm],
        draws or Keyed(3, number),
    )
    made.begin("square", 0)
    return made


def attacked(*arguments, steps=STEPS, **options):
    made = problem(*arguments, **options)
    square(made, last=steps)
    return made


def library(made, model=network, steps=STEPS, seed=0):
    """Which images withstand the library's attack, and what fools the model or the image."""
    its = SquareAttack(
        model,
        p_init=0.8,
        n_queries=steps,
        eps=made.eps,
        norm=made.norm,
        seed=seed,
        resc_schedule=False,
    )
    robust, adversarial = made.robust.clone(), made.images.clone()
    for rows in made.left().split(BATCH):
        label = made.label[rows]
        moved = its.perturb(made.images[rows], label)
        robust[rows] = model(moved).argmax(1) == label
        fooled = rows[~robust[rows]]
        adversarial[fooled] = moved[~robust[rows]]
    return robust, adversarial


def same(a, b, tolerance=0.0):
    assert torch.equal(a.robust, b.robust)
    torch.testing.assert_close(a.adversarial, b.adversarial, atol=tolerance, rtol=0)


@norms
@pytest.mark.parametrize("model", [network, coarse])
def test_the_library_finds_the_same(norm, model):
    # the library takes 48, 48 and the rest, and this takes 60 at once
    made = problem(norm, Library(5, BATCH), Oracle(model, batch=60))
    robust, adversarial = library(made, model, seed=5)
    begun = int(made.robust.sum())
    going = square(made, last=STEPS)["lanes"]
    assert begun > 2 * BATCH
    assert 0.2 < made.robust.sum() / begun < 0.8
    # of ties, those that go against the label fool, and the others end the search
    assert (len(going) < made.robust.sum()) == (model is coarse)
    assert torch.equal(made.robust, robust)
    torch.testing.assert_close(made.adversarial, adversarial, atol=1e-6, rtol=0)


@norms
def test_what_fools_is_in_the_ball_and_is_kept(norm):
    made = attacked(norm)
    moved = made.adversarial - made.images
    size = torch.linalg.vector_norm(moved.flatten(1).double(), ORDERS[norm], dim=1)
    assert size.max() <= made.eps + 1e-6
    assert made.adversarial.min() >= 0
    assert made.adversarial.max() <= 1
    assert torch.equal(network(made.adversarial).argmax(1) == made.label, made.robust)
    fooled = torch.tensor([by == "square" for by in made.by])
    assert fooled.any()
    assert torch.equal(size > 0, fooled)


@norms
def test_batches_blocks_layout_and_neighbours_change_nothing(norm, monkeypatch):
    whole = attacked(norm, steps=SHORT)
    some = torch.arange(7, IMAGES, 3)
    part = attacked(norm, rows=some, steps=SHORT)
    assert torch.equal(part.robust, whole.robust[some])
    assert torch.equal(part.adversarial, whole.adversarial[some])
    other = problem(norm)
    other.images = other.images.contiguous(memory_format=torch.channels_last)
    square(other, last=SHORT)
    same(other, whole)
    monkeypatch.setattr(module, "BLOCK", 1)
    same(attacked(norm, oracle=Oracle(network, batch=17), steps=SHORT), whole)


@norms
@pytest.mark.parametrize("draws", [None, Library(0, BATCH)])
def test_looks_that_wait_for_a_device_are_fewer_and_change_nothing(norm, draws, monkeypatch):
    looks, keep = [0], module._Search._keep

    def counted(*arguments):
        looks[0] += 1
        return keep(*arguments)

    monkeypatch.setattr(module._Search, "_keep", counted)
    found = []
    for free in (("cpu",), ()):
        monkeypatch.setattr(module, "FREE_LOOKS", free)
        looks[0] = 0
        # a batch that leaves no room to ask ahead
        oracle = Oracle(network, batch=64, width=1)
        found.append((attacked(norm, copy.deepcopy(draws), oracle, steps=SHORT), looks[0]))
    (often, looked), (seldom, rarely) = found
    same(seldom, often)
    if draws is None:  # the library draws for those that are left, so each step must look
        assert rarely < SHORT / 4 < looked


@norms
def test_another_seed_goes_another_way(norm):
    one, two = (attacked(norm, Keyed(seed, torch.arange(IMAGES)), steps=20) for seed in (1, 2))
    assert not torch.equal(one.adversarial, two.adversarial)


@norms
@pytest.mark.parametrize("draws", [None, Library(0, BATCH)])
def test_rounds_are_one_run(norm, draws):
    whole = attacked(norm, copy.deepcopy(draws), steps=SHORT)
    parts, carry = problem(norm, copy.deepcopy(draws)), None
    for first, last in ((0, 0), (0, 37), (37, 38), (38, 110), (110, SHORT)):
        if last == 0 and draws:
            continue  # the start is drawn once
        carry = square(parts, first=first, last=last, carry=carry)
    same(parts, whole)


@norms
def test_a_killed_run_goes_on(norm):
    whole, killed = attacked(norm, steps=SHORT), problem(norm)
    carry = square(killed, last=70)
    stream = io.BytesIO()
    torch.save((carry, killed.robust, killed.adversarial), stream)
    stream.seek(0)
    made = problem(norm)
    carry, made.robust, made.adversarial = torch.load(stream)
    square(made, first=70, last=SHORT, carry=carry)
    same(made, whole)


def test_what_another_attack_fools_between_rounds_is_left_alone():
    made = problem("Linf")
    carry = square(made, last=10)
    taken = carry["lanes"][::2]
    made.robust[taken] = False
    left = square(made, first=10, last=12, carry=carry)["lanes"]
    assert len(left)
    assert not torch.isin(left, taken).any()
    assert torch.equal(made.adversarial[taken], made.images[taken])


@norms
def test_only_new_candidates_are_asked_for(norm):
    made, steps = problem(norm), []
    made.tick = steps.append
    begun = int(made.robust.sum())
    square(made, last=STEPS)
    assert len(steps) == STEPS
    fooled = begun - int(made.robust.sum())
    asked = made.oracle.forwards - IMAGES - fooled  # without verdicts
    if norm == "Linf":  # others make no candidate twice
        assert asked < 0.95 * (begun + sum(steps))
    else:
        assert asked == begun + sum(steps)


def test_a_run_ends_when_all_are_fooled():
    made, steps = problem("Linf"), []
    made.eps, made.tick = 0.6, steps.append
    carry = square(made, last=STEPS)
    assert not made.robust.any()
    assert len(steps) < STEPS / 2
    assert [len(carry[name]) for name in ("lanes", "best", "margin")] == [0, 0, 0]
    spent = made.oracle.forwards
    square(made, last=STEPS)
    square(made, first=5, last=STEPS, carry=carry)
    assert made.oracle.forwards == spent
    assert len(steps) < STEPS / 2


@norms
def test_a_fast_model_that_errs_stops_no_search(norm):
    def fast(images):  # takes labels to trail that still lead
        logits = network(images)
        top = logits.topk(2, 1)
        near = (top.values[:, 0] - top.values[:, 1] < 0.05)[:, None]
        return torch.where(
            near, logits.scatter_add(1, top.indices[:, :1], -0.1 * near.double()), logits
        )

    made = attacked(norm, oracle=Oracle(network, fast, batch=64))
    assert torch.equal(network(made.adversarial).argmax(1) == made.label, made.robust)
    assert abs(int(made.robust.sum()) - int(attacked(norm).robust.sum())) <= 5


def noise(norm, eps, shape, draws):
    """150 random images, of the classes where a random linear model sees them."""
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 10)).double().eval()
    images = torch.rand(150, *shape)

    def model(images):
        return linear(images.double())

    made = Problem(Oracle(model), images, model(images).argmax(1), norm, eps, draws)
    made.begin("square", 0)
    return made, model


@pytest.mark.parametrize(("norm", "eps"), [("Linf", 0.02), ("L2", 0.5), ("L1", 12.0)])
def test_the_library_finds_the_same_in_larger_images(norm, eps):
    made, model = noise(norm, eps, (3, 32, 32), Library(0, BATCH))
    robust, adversarial = library(made, model, steps=60)
    square(made, last=60)
    assert 0 < made.robust.sum() < 150
    assert torch.equal(made.robust, robust)
    torch.testing.assert_close(made.adversarial, adversarial, atol=1e-6, rtol=0)


def test_rounding_does_not_leave_the_box():
    made, _ = noise("L1", 12.0, (3, 8, 8), Keyed(0, torch.arange(150)))
    square(made, last=100)
    assert not made.robust.all()
    assert made.adversarial.min() >= 0
    assert made.adversarial.max() <= 1
