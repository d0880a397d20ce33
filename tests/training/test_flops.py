"""What a training step costs, counted on the real one, and on the study's as in official.py."""

import official
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from advlib.models import zoo
from advlib.models.flops import STUDY_RATE, forward_flops
from advlib.models.network import build
from advlib.training.flops import counted, step_flops
from advlib.training.recipe import Recipe


def hollow(name):
    with torch.device("meta"):
        return build(name)


def stem(name):
    """FLOPs of the first convolution, 3x3 on 3 channels of 32x32."""
    return 2 * 9 * 3 * (64 if name == "resnet-18" else 16) * 32 * 32


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        *((name, k) for name in ("wrn-10-1", "resnet-18") for k in (10, 1, 7)),
        ("wrn-28-10", 2),
        *((name, 0) for name in zoo.PAPER),
    ],
)
def test_a_step_is_seven_forwards_and_two_for_each_step_of_the_attack(name, steps):
    forward, step = counted(zoo.parse(name), 32, 10, steps)
    assert forward == zoo.parse(name).forward_flops()
    # the loss is not derived by its two batches of images: their first convolutions' backward
    # passes go to weights alone
    assert step == (7 + 2 * steps) * forward - 2 * stem(name)
    at_ten = step + 2 * (10 - steps) * forward
    assert at_ten == pytest.approx(27 * forward, rel=0.003)
    if name in zoo.PAPER:
        assert at_ten == pytest.approx(STUDY_RATE * zoo.parse(name).params, rel=0.01)


class Bare:
    """A network without its own hooks: the counter's refuse the gradient of a module's input."""

    def __init__(self, network):
        self.train, self.modules, self.forward = network.train, network.modules, network.forward

    def __call__(self, images):
        return self.forward(images)


@pytest.mark.parametrize("steps", [10, 3])
def test_the_studys_own_step_costs_as_much(steps):
    network = hollow("wrn-10-1")
    images = torch.empty(2, 3, 32, 32, device="meta")
    label = torch.empty(2, dtype=torch.int64, device="meta")

    def smoothed(logits, label, smoothing):  # its own writes at places that have no values here
        return torch.nn.functional.cross_entropy(logits, label, label_smoothing=smoothing)

    with pytest.MonkeyPatch.context() as patch, FlopCounterMode(display=False) as counter:
        patch.setattr(official, "smoothed", smoothed)
        loss, _, _ = official.trades(Bare(network), images, label, torch.zeros_like(images), steps)
        loss.backward()
    assert counter.get_total_flops() / 2 == counted(zoo.parse("wrn-10-1"), 32, 10, steps)[1]


@pytest.mark.parametrize("loss", ["madry", "clean"])
def test_recipes_count_their_forwards(loss):
    network = hollow("wrn-16-2")
    steps = {} if loss == "clean" else {"attack_steps": 5}
    recipe = Recipe(1, batch=2, loss=loss, **steps)
    forwards = recipe.forwards * forward_flops(network)
    assert step_flops(network, recipe) == forwards - stem("wrn-16-2")


def test_counting_takes_no_memory_and_leaves_no_gradient():
    network = hollow("wrn-94-256")  # 375 GB of weights
    step_flops(network, Recipe(1, batch=2, attack_steps=0))
    assert all(p.grad is None or p.grad.is_meta for p in network.parameters())
