"""PGD in three norms and with four losses against foolbox, restarts, and targets."""

import warnings
from dataclasses import replace

import pytest
import torch
from robust import pictures, small
from torch.nn import functional

from advlib.attacks.balls import inside, size
from advlib.attacks.draws import Keyed
from advlib.attacks.oracle import Oracle
from advlib.attacks.pgd import climb, pgd, start
from advlib.attacks.problem import Problem
from advlib.attacks.settings import PGD, AttackSettings, exact_radius
from advlib.attacks.suites import suite

IMAGES, SEED = 90, 3
EPS = {"Linf": 0.12, "L2": 0.8, "L1": 6.0}
norms = pytest.mark.parametrize("norm", EPS)


def how(norm, loss="ce", steps=25):
    return PGD(EPS[norm], EPS[norm] / 5, steps, loss, norm)


@pytest.fixture(scope="module")
def foolbox():
    with warnings.catch_warnings():  # it imports SciPy by names that SciPy gives up
        warnings.simplefilter("ignore")
        import foolbox as package
    return package


# the losses by their definitions, of logits and labels (and of the clean logits); to be raised
def other(logits, label):
    return logits.masked_fill(functional.one_hot(label, 10).bool(), float("-inf")).amax(1)


def own(logits, label):
    return logits[torch.arange(len(label)), label]


def spread(logits):
    ordered = logits.sort(1, descending=True).values
    return ordered[:, 0] - ordered[:, 2]


LOSSES = {
    "ce": lambda z, y, clean: -z.log_softmax(1)[torch.arange(len(y)), y],
    "cw": lambda z, y, clean: (other(z, y) - own(z, y)).clamp(max=0),
    "dlr": lambda z, y, clean: (other(z, y) - own(z, y)) / spread(z),
    "kl": lambda z, y, clean: (clean.softmax(1) * (clean.log_softmax(1) - z.log_softmax(1))).sum(1),
}
KINDS = {
    "Linf": "LinfProjectedGradientDescentAttack",
    "L2": "L2ProjectedGradientDescentAttack",
    "L1": "L1ProjectedGradientDescentAttack",
}


def theirs(package, attack, images, label, begin, value, aims=None, *, network):
    """What foolbox's PGD makes of images, on a loss of logits, from where we begin."""
    import eagerpy

    class Ours(getattr(package.attacks, KINDS[attack.norm])):
        def get_loss_fn(self, network, labels):
            return lambda x: eagerpy.astensor(value(network(x).raw).sum())

        def get_random_start(self, x0, epsilon):
            return eagerpy.astensor(begin)

    model = package.PyTorchModel(network, bounds=(0, 1), device="cpu")
    goal = package.criteria.Misclassification(label)
    if aims is not None:
        goal = package.criteria.TargetedMisclassification(aims)
    run = Ours(abs_stepsize=attack.step_size, steps=attack.steps, random_start=True)
    return run.run(model, images, goal, epsilon=attack.eps)


@norms
@pytest.mark.parametrize(
    ("loss", "random"),
    # at the image itself the divergence is 0, and has no gradient
    [(loss, random) for loss in LOSSES for random in (False, True) if random or loss != "kl"],
)
def test_losses_are_no_lower_than_foolboxes(foolbox, norm, loss, random):
    attack = how(norm, loss)
    # in float64, in which rounding decides nothing here
    images, label = pictures(IMAGES, torch.float64)
    network = small().inner
    clean = network(images)
    torch.manual_seed(0)
    noise = torch.rand_like(images) if random else torch.full_like(images, 0.5)
    begin = start(images, noise, attack.eps, norm)
    assert random or torch.equal(begin, images)
    value = lambda z: LOSSES[loss](z, label, clean)  # noqa: E731
    expected = theirs(foolbox, attack, images, label, begin, value, network=network)
    found = climb(Oracle(network, batch=40), images, label, begin, attack)
    ours, its, before = (value(network(x)) for x in (found, expected, images))
    assert its.mean() > before.mean() + 0.01
    assert ours.mean() >= its.mean() - 1e-6
    if norm == "L1":
        # its steps go along the whole gradient, and ours along the largest values
        assert ours.mean() > its.mean() + 0.2
        assert (ours < its - 5e-3).sum() <= IMAGES // 20
    else:
        # where the label comes third the DLR is 1 and has no gradient, but for the 1e-12 that
        # keeps ours from dividing by 0: there the two part
        third = (its - 1).abs() < 1e-9 if loss == "dlr" else torch.zeros_like(its, dtype=torch.bool)
        assert third.sum() < IMAGES // 4
        assert (ours - its)[~third].min() > -1e-6
        assert not (third & (ours < 0)).any()  # still misclassified


AIMED = {
    "ce": lambda z, y, aim: -z.log_softmax(1)[torch.arange(len(y)), aim],
    "cw": lambda z, y, aim: (other(z, aim) - own(z, aim)).clamp(min=0),
    "dlr": lambda z, y, aim: (
        (own(z, y) - own(z, aim)) / (z.sort(1).values[:, -1] - z.sort(1).values[:, -4:-2].mean(1))
    ),
}


@norms
@pytest.mark.parametrize("loss", AIMED)
def test_targets_are_reached_as_foolbox_reaches_them(foolbox, norm, loss):
    attack = how(norm, loss)
    images, label = pictures(IMAGES, torch.float64)
    network, aim = small().inner, (label + 3) % 10
    begin = start(images, torch.full_like(images, 0.5), attack.eps, norm)
    value = lambda z: AIMED[loss](z, label, aim)  # noqa: E731
    expected = theirs(foolbox, attack, images, label, begin, value, aim, network=network)
    found = climb(Oracle(network, batch=40), images, label, begin, attack, aim)
    ours, its, before = (value(network(x)) for x in (found, expected, images))
    assert its.mean() < before.mean() - 0.01
    if (norm, loss) == ("L1", "dlr"):
        # steps in L1 differ, and the DLR of a point has no bound where logits meet
        assert ours.mean() < its.mean() - 0.2
        assert (ours > its + 1e-5).sum() <= IMAGES // 20
    else:
        assert ours.mean() <= its.mean() + 1e-6
        assert (ours - its).max() <= 1e-5


def problem(attack, batch=40, seed=SEED):
    images, label = pictures(IMAGES)
    made = Problem(
        Oracle(small(), batch=batch),
        images,
        label,
        attack.norm,
        attack.eps,
        Keyed(seed, torch.arange(IMAGES)),
    )
    made.begin("pgd", 0)
    return made


def whole(attack, batch=40, seed=SEED, **settings):
    """The images after all rounds of a suite."""
    made = problem(attack, batch, seed)
    chosen = AttackSettings(
        attack="pgd",
        norm=attack.norm,
        eps=exact_radius(attack.eps),
        steps=attack.steps,
        step_size=attack.step_size,
        loss=attack.loss,
        **settings,
    )
    (stage,) = suite(chosen, (3, 8, 8), 10).stages
    for part in stage.rounds:
        part(made, {})
    return made


def alone(attack, seed=SEED, **settings):
    """The images after one round."""
    made = problem(attack, seed=seed)
    pgd(made, attack, **settings)
    return made


@norms
@pytest.mark.parametrize("loss", LOSSES)
def test_restarts_fool_what_any_of_them_fools(norm, loss):
    eps = 1.5 * EPS[norm]
    attack = PGD(eps, eps / 2, 2, loss, norm)
    withstood = torch.zeros(2)  # all three starts, and the first alone
    for seed in range(4):  # one seed might bring nothing
        made = whole(attack, restarts=3, seed=seed)
        each = [alone(attack, restart=i, seed=seed).robust for i in range(3)]
        assert torch.equal(made.robust, each[0] & each[1] & each[2])
        withstood += torch.stack([made.robust.sum(), each[0].sum()])
    assert withstood[0] < withstood[1]


@norms
@pytest.mark.parametrize("loss", AIMED)
def test_targets_fool_what_any_of_them_fools(norm, loss):
    eps = 1.5 * EPS[norm]
    attack = PGD(eps, eps / 5, 20, loss, norm)
    withstood = torch.zeros(2)  # all four targets, and the best of them
    for seed in range(3):  # one seed might bring nothing
        made = whole(attack, targets=4, seed=seed)
        each = [alone(attack, target=place, seed=seed).robust for place in (2, 3, 4, 5)]
        assert torch.equal(made.robust, torch.stack(each).all(0))
        withstood += torch.stack([made.robust.sum(), torch.stack(each).sum(1).min()])
    assert withstood[0] < withstood[1]


@norms
def test_a_target_is_the_class_at_its_place(norm):
    attack = how(norm, "ce", 1)
    images, label = pictures(IMAGES)
    made = alone(attack, target=3)
    noise = Keyed(SEED, torch.arange(IMAGES)).uniform(torch.arange(IMAGES), images.shape[1:], 3, 0)
    begin = start(images, noise, attack.eps, norm)
    leaf = begin.clone().requires_grad_()
    third = small()(images).argsort(1, descending=True)[:, 2]
    (gradient,) = torch.autograd.grad(
        functional.cross_entropy(small()(leaf), third, reduction="sum"), leaf
    )
    order = {"Linf": None, "L2": 2, "L1": 1}[norm]
    step = gradient.sign()
    if norm == "L1":  # 14 of 192 values are the largest 7 %
        least = gradient.abs().flatten(1).sort(1).values[:, -14].view(-1, 1, 1, 1)
        step = torch.where(gradient.abs() >= least, step, 0)
    if order:
        step = step if norm == "L1" else gradient
        step = step / torch.linalg.vector_norm(step, order, dim=(1, 2, 3), keepdim=True)
    expected = inside(images, begin - attack.step_size * step, norm, attack.eps)
    attacked = small()(images).argmax(1) == label
    torch.testing.assert_close(made.adversarial[attacked], expected[attacked], atol=1e-5, rtol=0)


@norms
@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_made_is_in_the_ball_and_kept_where_it_fools_nobody_too(norm, loss):
    made = alone(how(norm, loss, 6))
    right = small()(made.images).argmax(1) == made.label
    length = size((made.adversarial - made.images).double(), norm)
    assert length.max() <= EPS[norm] + 1e-6
    assert made.adversarial.min() >= 0 and made.adversarial.max() <= 1
    assert torch.equal(length > 0, right)
    assert torch.equal(small()(made.adversarial).argmax(1) == made.label, made.robust)
    assert 0 < made.robust.sum() < right.sum()


@norms
def test_without_steps_it_is_the_start(norm):
    attack = replace(how(norm), steps=0)
    made = alone(attack)
    lanes = torch.arange(IMAGES)
    noise = Keyed(SEED, lanes).uniform(lanes, made.images.shape[1:], 0, 0)
    begin = start(made.images, noise, attack.eps, norm)
    right = small()(made.images).argmax(1) == made.label
    torch.testing.assert_close(made.adversarial[right], begin[right], atol=1e-4, rtol=0)


@norms
@pytest.mark.parametrize("loss", ["cw", "kl"])
def test_batches_change_nothing(norm, loss):
    attack = how(norm, loss, 8)
    one, other = whole(attack, 7, restarts=2), whole(attack, 64, restarts=2)
    assert torch.equal(one.robust, other.robust)
    torch.testing.assert_close(one.adversarial, other.adversarial, atol=1e-6, rtol=0)
