"""APGD against the AutoAttack library, image by image, and against itself."""

import itertools
import logging
from functools import cache, partial

import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from robust import pictures, small

from advlib.attacks.apgd import apgd
from advlib.attacks.balls import size
from advlib.attacks.draws import Keyed, Library
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem

EPS = {"Linf": 0.13, "L2": 0.8, "L1": 4.0}  # at which about half of the images withstand
IMAGES, BATCH, SEED = 130, 36, 5
RESTARTS, TARGETS = range(2), range(2, 5)
norms = pytest.mark.parametrize("norm", EPS)
CASES = [
    (norm, loss, norm == "L1" and wide)
    for norm in EPS
    for loss in ("ce", "dlr", "targeted")
    for wide in ((False, True) if norm == "L1" else (False,))
]
cases = pytest.mark.parametrize(("norm", "loss", "widened"), CASES)


def problem(norm, draws=None, oracle=None, rows=slice(IMAGES), eps=None):
    images, label = (whole[rows] for whole in pictures(IMAGES))
    made = Problem(
        oracle or Oracle(small(), batch=60),
        images,
        label,
        norm,
        eps or EPS[norm],
        draws or Keyed(SEED, torch.arange(IMAGES)[rows]),
    )
    made.begin("apgd", 0)
    return made


def attack(made, loss, **options):
    if loss == "targeted":
        for target in TARGETS:
            apgd(made, target=target, **options)
    else:
        for restart in RESTARTS:
            apgd(made, loss=loss, restart=restart, **options)
    return made


def library(made, loss, widened=False, model=None, steps=100, eot=1):
    """Which images withstand the library's attack."""
    model = model or small()
    settings = {
        "n_iter": steps,
        "norm": made.norm,
        "eps": made.eps,
        "seed": SEED,
        "eot_iter": eot,
        "use_largereps": widened,
        "logger": logging.getLogger("auto-attack"),
    }
    if loss == "targeted":
        its = APGDAttack_targeted(model, n_target_classes=len(TARGETS), **settings)
    else:
        its = APGDAttack(model, n_restarts=len(RESTARTS), loss=loss, **settings)
    robust = made.robust.clone()
    for rows in made.left().split(BATCH):
        its.init_hyperparam(made.images)  # else its radius is the one that it ended with
        moved = its.perturb(made.images[rows], made.label[rows]).detach()
        robust[rows] = model(moved).argmax(1) == made.label[rows]
    return robust


@cases
def test_the_verdicts_are_the_librarys(norm, loss, widened):
    # it takes 36, 36, 36 and the rest, and this takes at most 60 at once
    made = problem(norm, Library(SEED, BATCH))
    begun = made.robust.clone()
    expected = library(made, loss, widened)
    attack(made, loss, widened=widened)
    assert begun.sum() > 3 * BATCH
    assert 0.2 < expected.sum() / begun.sum() < 0.8
    assert torch.equal(made.robust, expected)


@cases
def test_what_fools_is_in_the_ball_and_is_kept(norm, loss, widened):
    made = problem(norm)
    begun = made.robust.clone()
    attack(made, loss, widened=widened)
    length = size((made.adversarial - made.images).double(), norm)
    fooled = begun & ~made.robust
    assert fooled.sum() > 20 and made.robust.sum() > 20
    assert length.max() <= made.eps + 1e-6
    assert made.adversarial.min() >= 0 and made.adversarial.max() <= 1
    assert torch.equal(small()(made.adversarial).argmax(1) == made.label, made.robust)
    assert torch.equal(length > 0, fooled)
    assert [by == "apgd" for by in made.by] == fooled.tolist()


class Listening(torch.nn.Module):
    """Keeps all points that a gradient is asked for at."""

    def __init__(self):
        super().__init__()
        self.points = []

    def forward(self, images):
        if images.requires_grad:
            self.points.append(images.detach().clone())
        return small()(images)


@cache
def strong(norm):
    """Which images withstand APGD where it takes its usual steps."""
    made = problem(norm, eps=0.6 * EPS[norm])
    for settings in ({"loss": "ce"}, {"loss": "dlr"}, {"target": 2}):
        apgd(made, **settings)
        apgd(made, **settings, widened=norm == "L1")
    return made.left()


@cases
def test_every_step_is_the_librarys(norm, loss, widened):
    # where nothing is fooled, nothing is dropped, and all of the path can be seen
    rows = strong(norm)
    made = problem(norm, Library(SEED, IMAGES), rows=rows, eps=0.6 * EPS[norm])
    made.oracle.batch = IMAGES
    ours, theirs = Listening(), Listening()
    made.oracle.fast = ours
    settings = {"n_iter": 100, "norm": norm, "eps": made.eps, "seed": SEED}
    settings |= {"use_largereps": widened, "logger": logging.getLogger("auto-attack")}
    if loss == "targeted":
        its = APGDAttack_targeted(theirs, n_target_classes=1, **settings)
        apgd(made, target=2, widened=widened)
    else:
        its = APGDAttack(theirs, loss=loss, **settings)
        apgd(made, loss=loss, widened=widened)
    its.perturb(made.images, made.label)
    assert len(made.left()) == len(rows) > 60
    assert len(ours.points) == len(theirs.points) == 101 + 2 * widened
    torch.testing.assert_close(
        torch.stack(ours.points), torch.stack(theirs.points), atol=1e-6, rtol=0
    )


@norms
def test_averaged_gradients_are_the_librarys(norm):
    class Noisy(torch.nn.Module):
        """Answers one of three ways in turn."""

        def __init__(self):
            super().__init__()
            self.turn = itertools.cycle([1.0, 0.5, 0.1])

        def forward(self, images):
            return small()(images) * (next(self.turn) if images.requires_grad else 1.0)

    made = problem(norm, Library(SEED, BATCH), Oracle(small(), Noisy(), batch=IMAGES))
    expected = library(problem(norm), "ce", model=Noisy(), steps=40, eot=3)
    attack(made, "ce", steps=40, eot=3)
    assert torch.equal(made.robust, expected)
    assert made.robust.any()


@norms
@pytest.mark.parametrize("loss", ["ce", "targeted"])
def test_batches_and_neighbours_change_nothing(norm, loss):
    run = partial(attack, loss=loss, steps=40, widened=norm == "L1")
    whole = run(problem(norm))
    some = torch.arange(7, IMAGES, 3)
    part = run(problem(norm, rows=some))
    assert torch.equal(part.robust, whole.robust[some])
    torch.testing.assert_close(part.adversarial, whole.adversarial[some], atol=1e-6, rtol=0)
    other = run(problem(norm, oracle=Oracle(small(), batch=7)))
    assert torch.equal(other.robust, whole.robust)
    torch.testing.assert_close(other.adversarial, whole.adversarial, atol=1e-6, rtol=0)


def test_images_are_dropped_when_they_are_fooled():
    made = problem("Linf", eps=0.2)
    left, begun = [], int(made.robust.sum())
    made.tick = left.append
    spent = made.oracle.forwards
    apgd(made)
    assert left[0] <= begun and left == sorted(left, reverse=True) and left[-1] < begun / 3
    fooled = begun - int(made.robust.sum())
    # a question for each step of each image that is left, one before, and one for each verdict
    assert made.oracle.forwards - spent == sum(left) + begun + fooled


def test_a_fast_model_that_errs_gives_no_wrong_verdict():
    def fast(images):  # sees a label trail before it does
        logits = small()(images)
        top = logits.topk(2, 1)
        near = (top.values[:, 0] - top.values[:, 1] < 0.3)[:, None]
        return torch.where(near, logits.scatter_add(1, top.indices[:, :1], -0.3 * near), logits)

    made = attack(problem("Linf", oracle=Oracle(small(), fast, batch=64)), "ce")
    assert torch.equal(small()(made.adversarial).argmax(1) == made.label, made.robust)
    assert 20 < made.robust.sum() < 120


def test_images_without_a_gradient_are_counted():
    def saturated(images):
        return small()(images).softmax(1).round(decimals=0) + 0 * images.sum((1, 2, 3))[:, None]

    made = problem("Linf", oracle=Oracle(saturated, batch=64))
    begun = int(made.robust.sum())
    apgd(made, loss="dlr", steps=2)
    assert 0 < made.zero_gradients <= begun


@pytest.mark.parametrize("norm", EPS)
def test_several_targets_at_once_find_what_one_after_another_finds(norm):
    in_turn, at_once = attack(problem(norm), "targeted"), problem(norm)
    apgd(at_once, target=TARGETS)
    assert torch.equal(at_once.robust, in_turn.robust)
    assert torch.allclose(at_once.adversarial, in_turn.adversarial, atol=1e-4)
