"""No attack calls a network robust, or fooled, by answers that are no numbers."""

from functools import partial

import numpy as np
import pytest
import torch

import advlib
from advlib.attacks import balls
from advlib.attacks.draws import Keyed
from advlib.attacks.oracle import NotFiniteError, Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.settings import PGD
from advlib.errors import CannotError, DataError
from advlib.evaluation.scores import attack_numbered, mean_scores
from advlib.jobs.ranks import Ranks
from advlib.shards.chunk import Chunk, object_array
from advlib.shards.reader import open_set
from advlib.shards.writer import Writer

EPS = {"Linf": 0.1, "L2": 0.6, "L1": 2.0}
ATTACKS = ["apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "square"]
ALL = [*ATTACKS, "pgd", "autoattack"]
WAYS = [
    {},
    {"draws": "library"},
    {"engine": "reference"},
]
FIRST, COUNT = 3, 6  # the image that is unsound, and how many there are
SOURCE = torch.Generator().manual_seed(3)
WEIGHT = torch.randn(5, 64, generator=SOURCE)
IMAGES = torch.randint(1, 255, (COUNT, 1, 8, 8), generator=SOURCE).float() / 255
IMAGES[FIRST, 0, 0, 0] = 0.0


def linear(x):
    return (x.flatten(1) - 0.5) @ WEIGHT.T


LABELS = linear(IMAGES).argmax(1)


def near_third(x):
    """Whether images are nearest to the third one, but not that image itself, (n, 1) bool."""
    away = torch.cdist(x.flatten(1), IMAGES.flatten(1))
    return ((away.argmin(1) == FIRST) & (away[:, FIRST] > 1e-3))[:, None]


def put(x, values):
    return torch.where(near_third(x), values, linear(x))


def at_label(value):
    found = torch.zeros(5)
    found[LABELS[FIRST]] = value
    return found


SILENT = {
    "nan": lambda x: put(x, torch.tensor(float("nan"))),
    "nan at the label": lambda x: put(x, linear(x) + at_label(float("nan"))),
    "nan elsewhere": lambda x: put(x, linear(x) + at_label(float("nan")).roll(1)),
    "inf at the label": lambda x: put(x, linear(x) + at_label(float("inf"))),
    "-inf elsewhere": lambda x: put(x, linear(x) + at_label(float("-inf")).roll(1)),
    "overflow": lambda x: put(x, linear(x) * 3e38 * 3e38),
}


def rooted(x):
    """The same network, whose gradient is NaN about the third image where a pixel is 0."""
    nearest = torch.cdist(x.flatten(1), IMAGES.flatten(1)).argmin(1) == FIRST
    some = x.where(nearest[:, None, None, None], 0.5)  # all others are left out
    root = torch.where(some > 0, some.sqrt(), torch.zeros_like(some))
    return torch.where(nearest[:, None], linear(root * root), linear(x))


def run(network, attack, norm, **more):
    return advlib.attack(
        network, IMAGES, LABELS, attack=attack, norm=norm, eps=EPS[norm], batch=4, **more
    )


CASES = [(attack, norm, {}, kind) for attack in ALL for norm in EPS for kind in SILENT]
CASES += [
    (attack, norm, way, kind)
    for attack in ATTACKS
    for norm in EPS
    for way in WAYS[1:]
    for kind in ("nan", "inf at the label")
]


@pytest.mark.parametrize(("attack", "norm", "way", "kind"), CASES, ids=str)
def test_logits_that_are_no_numbers_stop_every_attack(attack, norm, way, kind):
    with pytest.raises(DataError, match=r"logits for image 3, attacked with .* no finite numbers"):
        run(SILENT[kind], attack, norm, **way)


@pytest.mark.parametrize(
    ("attack", "way"),
    [(attack, way) for attack in ALL for way in WAYS if attack != "pgd" or not way],
    ids=str,
)
@pytest.mark.parametrize("norm", EPS)
def test_gradients_that_are_no_numbers_stop_attacks_that_need_them(attack, norm, way):
    found = None
    try:
        found = run(rooted, attack, norm, **way)
    except NotFiniteError as err:
        assert "the gradient of its loss for image 3, attacked with " in str(err), err
        assert "square is an attack without gradients" in str(err)
    if attack == "square":
        assert found is not None and not found.robust.all()
        assert_sound(found, norm)
    else:
        assert found is None


def assert_sound(found, norm):
    """What counts as fooled is an image in its ball that the network gets wrong."""
    made = torch.from_numpy(found.adversarial)
    assert made.isfinite().all() and made.min() >= 0 and made.max() <= 1
    length = balls.size((made.double() - IMAGES), norm)
    assert (length <= EPS[norm] * (1 + 1e-5) + 1e-6).all()
    right = linear(made).argmax(1) == LABELS
    assert np.array_equal(right.numpy(), found.robust)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("norm", EPS)
@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "square"])
def test_a_network_without_slope_is_no_fault_of_its_answers(attack, norm, way):
    flat = linear(IMAGES)[:1]
    label = torch.full_like(LABELS, int(flat.argmax()))
    constant = lambda x: flat.expand(len(x), -1) + 0 * linear(x)  # noqa: E731
    found = advlib.attack(
        constant, IMAGES, label, attack=attack, norm=norm, eps=EPS[norm], batch=4, **way
    )
    assert found.robust.all() and np.isfinite(found.adversarial).all()


def problem(network=linear, norm="Linf"):
    draws = Keyed(0, torch.arange(COUNT))
    made = Problem(Oracle(network, name="net"), IMAGES, LABELS, norm, 0.1, draws, first=40)
    made.begin("mine", 0)
    return made


@pytest.mark.parametrize("norm", EPS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01, 0.2])
def test_no_candidate_outside_ball_or_box_is_taken_from_any_attack(norm, value):
    lanes = torch.arange(COUNT)
    points = IMAGES.clone().clamp(0.3, 1) if value == 0.2 else IMAGES.clone()
    points[2, 0, 1, 1] = value + (points[2, 0, 1, 1] if value == 0.2 else 0)
    for record in ("claim", "accept"):
        made = problem(norm=norm)
        verdict = (torch.ones(COUNT, dtype=torch.bool),) if record == "accept" else ()
        with pytest.raises(CannotError, match=r"mine: what it made of image 4[0-9] is no image"):
            getattr(made, record)(lanes, points, *verdict)
        assert made.robust.all() and torch.equal(made.adversarial, IMAGES)


def test_a_verdict_of_another_holds_where_the_network_itself_agrees():
    made = problem()
    made.accept(torch.arange(COUNT), IMAGES, torch.ones(COUNT, dtype=torch.bool))
    assert made.robust.all()


def as_module(network):
    module = torch.nn.Module()
    module.forward = network
    return module


@pytest.mark.parametrize("loss", ["cw", "ce", "dlr", "kl"])
@pytest.mark.parametrize("norm", EPS)
def test_evaluations_name_the_image_too(norm, loss):
    how = PGD(eps=EPS[norm], norm=norm, loss=loss, steps=3, step_size=EPS[norm] / 2)
    for network, what in ((SILENT["nan"], "logits"), (rooted, "gradient")):
        module = as_module(network)
        call = partial(attack_numbered, module, IMAGES, LABELS, torch.arange(COUNT) + 50, how, 0)
        with pytest.raises(NotFiniteError, match=f"{what}.* image 53 "):
            call(name="net")


@pytest.mark.parametrize("kind", ["nan", "inf at the label"])
@pytest.mark.parametrize("how", [PGD(eps=0.1, steps=2, step_size=0.05), None], ids=str)
def test_no_mean_is_of_answers_that_are_no_numbers(tmp_path, how, kind):
    pixels = (IMAGES * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    keys = object_array([f"k{i}" for i in range(COUNT)])
    with Writer(str(tmp_path / "set"), "chunk", chunk=COUNT) as writer:
        writer.write(Chunk(pixels, LABELS.numpy(), keys))
    aside = 0 if how else 1e-2  # what is not attacked is beside the image too
    network = as_module(lambda x: SILENT[kind](x + aside))
    with pytest.raises(NotFiniteError, match=r"mine: its logits for image k3 of .*set are no"):
        shards = open_set([str(tmp_path / "set")])
        mean_scores(network, shards, how, Ranks(0, 1, torch.device("cpu")), name="mine")
