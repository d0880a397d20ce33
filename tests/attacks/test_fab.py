"""FAB against the AutoAttack library, and against boundaries known in closed form."""

from functools import cache

import pytest
import torch
import torch.nn.functional as functional
from pyautoattack.fab_pt import FABAttack_PT
from robust import convolutional

from advlib.attacks.draws import Keyed, Library
from advlib.attacks.fab import fab
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.shards.sources import open_source

EPS = {"Linf": 0.1, "L2": 0.5, "L1": 2.0}  # at which about half of the images withstand
DUAL = {"Linf": 1, "L2": 2, "L1": float("inf")}
IMAGES, STEPS, BATCH = 110, 30, 60
CLASSES = 5  # the digits below
TARGETS, RESTARTS = range(2, 4), range(2)
both = pytest.mark.parametrize("targeted", [True, False], ids=["targeted", "untargeted"])
norms = pytest.mark.parametrize("norm", EPS)


@cache
def digits(split, count):
    """Images (n, 1, 8, 7), since no two sides are alike, of the digits 0 to 4."""
    chunk = next(iter(open_source("digits", split).chunks()))
    rows = (chunk.label < CLASSES).nonzero()[0][:count]
    image = torch.tensor(chunk.image[rows, ::4, 4::4, :1]).permute(0, 3, 1, 2) / 255
    return image.contiguous(), torch.tensor(chunk.label[rows]).long()


@cache
def network():
    return convolutional(*digits("train", 500), steps=100)


def problem(norm, draws=None, oracle=None, rows=slice(IMAGES), eps=None, images=None):
    """The test images in these rows, or `images`, which are all of class 0."""
    if images is None:
        images, label = (whole[rows] for whole in digits("test", IMAGES))
        number = torch.arange(IMAGES)[rows]
    else:
        label, number = torch.zeros(len(images)).long(), torch.arange(len(images))
    made = Problem(
        oracle or Oracle(network(), batch=64),
        images,
        label,
        norm,
        eps or EPS[norm],
        draws or Keyed(3, number),
    )
    made.begin("fab", 0)
    return made


def attack(made, targeted, steps=STEPS):
    for i in TARGETS if targeted else RESTARTS:
        fab(made, **({"target": i} if targeted else {"restart": i}), steps=steps)
    return made


def library(made, targeted, seed):
    """Which images withstand the library's attack."""
    its = FABAttack_PT(
        network(),
        made.norm,
        n_restarts=1 if targeted else len(RESTARTS),
        n_iter=STEPS,
        eps=made.eps,
        seed=seed,
        targeted=targeted,
        n_target_classes=len(TARGETS),
    )
    out = made.robust.clone()
    for rows in made.left().split(BATCH):
        with torch.no_grad():
            moved = its.perturb(made.images[rows], made.label[rows])
            out[rows] = network()(moved).argmax(1) == made.label[rows]
    return out


def length(perturbation, norm):
    return torch.linalg.vector_norm(
        perturbation.flatten(1).double(), {"Linf": float("inf"), "L2": 2, "L1": 1}[norm], dim=1
    )


@norms
@both
def test_the_verdicts_are_the_librarys(norm, targeted):
    made = problem(norm, Library(5, BATCH))
    correct = made.robust.clone()
    expected = library(made, targeted, 5)
    attack(made, targeted)
    assert torch.equal(made.robust, expected)
    fooled = correct & ~made.robust
    assert fooled.sum() > 20 and made.robust.sum() > 20
    found = made.adversarial[fooled]
    assert length(found - made.images[fooled], norm).max() <= EPS[norm] * (1 + 1e-6)
    assert found.min() >= 0 and found.max() <= 1
    assert not (network()(found).argmax(1) == made.label[fooled]).any()
    assert torch.equal(made.adversarial[~fooled], made.images[~fooled])
    assert [name == "fab" for name in made.by] == fooled.tolist()


@norms
@both
def test_starts_and_steps_are_the_librarys(norm, targeted):
    made = problem(norm, Library(5, IMAGES), eps=1e-4)  # at which it fools nobody
    left, asked, steps = made.left(), [], 4

    def listening(moved):
        asked.append(moved.detach().clone())
        return network()(moved)

    its = FABAttack_PT(
        listening,
        norm,
        n_restarts=3,
        n_iter=steps,
        eps=made.eps,
        seed=5,
        targeted=targeted,
        n_target_classes=1,
    )
    its.perturb(made.images[left], made.label[left])
    # it asks of all images; then in each run of the images, of two points a step, of the best
    before = 2 if targeted else 1
    theirs = [
        asked[1 + i * (before + 2 * steps + 1) :][before : before + 2 * steps] for i in (0, 1, 2)
    ]
    asked.clear()
    made.oracle.fast, made.oracle.batch = listening, IMAGES
    made.draws.begin(0, left)
    for restart in range(3):
        fab(made, target=2 if targeted else None, restart=restart, steps=steps)
    mine = [asked[i * 2 * steps :][: 2 * steps] for i in (0, 1, 2)]
    for i in range(3):
        assert torch.equal(mine[i][0], theirs[i][0])
        assert torch.equal(mine[i][0], made.images[left]) == (i == 0)
        torch.testing.assert_close(torch.stack(mine[i]), torch.stack(theirs[i]), atol=1e-5, rtol=0)
    assert length(mine[0][-1] - mine[0][0], norm).min() > 10 * made.eps  # which is a long way


@norms
@pytest.mark.parametrize("target", [2, None])
def test_a_linear_classifier_is_fooled_just_where_its_boundary_is_in_the_ball(norm, target):
    torch.manual_seed(0)
    slope = torch.randn(2, 12)
    radius = {"Linf": 0.02, "L2": 0.05, "L1": 0.1}[norm]
    # the boundary of the first two classes is `away` radii from the image; the third's is far
    away = torch.cat((torch.linspace(0.1, 0.98, 20), torch.linspace(1.001, 2, 20)))
    lead = away * radius * torch.linalg.vector_norm(slope[0], DUAL[norm])
    images = 0.5 + 1e-3 * torch.randn(40, 12)  # far from 0 and 1
    behind = (images - 0.5) @ slope[0] + lead
    images -= behind[:, None] * slope[0] / slope[0].square().sum()

    def linear(moved):
        others = (moved.flatten(1) - 0.5) @ slope.T - torch.tensor([0.0, 10.0])
        return functional.pad(others, (1, 0))

    made = problem(norm, oracle=Oracle(linear), images=images.view(40, 1, 3, 4), eps=radius)
    assert made.robust.all()
    fab(made, target=target)
    assert torch.equal(made.robust, away > 1)


@norms
@both
def test_verdicts_are_of_each_image_alone(norm, targeted):
    many, few, third = (
        attack(problem(norm, oracle=Oracle(network(), batch=batch), rows=rows), targeted, 15).robust
        for batch, rows in ((64, slice(60)), (7, slice(60)), (64, slice(3, 60, 3)))
    )
    assert torch.equal(few, many) and 0 < many.sum() < 60
    assert torch.equal(third, many[3::3])


@norms
def test_restarts_draw_for_the_lanes_left(norm):
    class Noting(Keyed):
        def uniform(self, lanes, shape, *draw):
            asked.append((lanes, shape, draw))
            return super().uniform(lanes, shape, *draw)

    asked = []
    made = problem(norm, Noting(3, torch.arange(IMAGES)))
    fab(made, steps=STEPS)
    assert not asked
    for i in 1, 2:
        left = made.left()
        fab(made, restart=i, steps=2)
        lanes, shape, _ = asked[-1]
        assert len(asked) == i and torch.equal(lanes, left) and tuple(shape) == (1, 8, 7)
    assert asked[0][2] != asked[1][2]


def test_what_the_exact_classifier_denies_is_sought_further():
    """Exact is a classifier that rounds images to six bits."""
    made = problem("L2", oracle=Oracle(lambda x: network()((x * 63).round() / 63), network()))
    denied, confirmed, claim = set(), set(), made.claim

    def noting(lanes, candidates, **more):
        fooled = claim(lanes, candidates, **more)
        assert not (network()(candidates).argmax(1) == made.label[lanes]).any()
        denied.update(lanes[~fooled].tolist())
        assert not confirmed & set(lanes.tolist())  # those are dropped
        confirmed.update(lanes[fooled].tolist())
        return fooled

    made.claim = noting
    before = set(made.left().tolist())
    fab(made, target=2, steps=STEPS)
    assert denied & confirmed
    assert set(made.left().tolist()) == before - confirmed


def test_a_round_has_a_hundred_steps_while_images_are_left():
    ticks = []
    made = problem("L2", rows=slice(8), eps=1e-4)
    made.tick = ticks.append
    fab(made, target=2)
    assert ticks == [len(made.left())] * 100
    made = problem("L2", rows=slice(8), eps=5.0)
    ticks.clear()
    made.tick = ticks.append
    fab(made, target=2)
    assert ticks and len(ticks) < 10 and not made.robust.any()
    fab(made, target=2)  # of nobody
    assert len(ticks) < 10


def test_a_target_beyond_the_classes():
    with pytest.raises(IndexError):
        fab(problem("Linf"), target=CLASSES + 1)


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
def test_several_targets_at_once_find_what_one_after_another_finds(norm):
    at_once, in_turn = (problem(norm, oracle=Oracle(network())) for _ in range(2))
    begun = len(at_once.left())
    fab(at_once, target=range(2, 6), steps=STEPS)
    for place in range(2, 6):
        fab(in_turn, target=place, steps=STEPS)
    assert 0 < len(in_turn.left()) < begun
    assert torch.equal(at_once.robust, in_turn.robust)
    assert torch.allclose(at_once.adversarial, in_turn.adversarial, atol=1e-4)
