"""What is said of classifiers that attacks cannot be trusted on."""

import itertools
import math
import sys

import pytest
import torch
from pyautoattack import checks as library
from torch import nn

from advlib.attacks import checks
from advlib.attacks.checks import after, before, chance, check_logits, zero_gradients
from advlib.errors import DataError


def linear(classes=10, *after_it):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, classes), *after_it).eval()


def asked(model, *, randomised_expected=False, batch=16):
    """Names and texts of what is found on some images."""
    torch.manual_seed(1)
    images = torch.rand(16, 3, 2, 2)
    found = before(
        model,
        images,
        model(images).argmax(1),
        randomised_expected=randomised_expected,
        batch=batch,
    )
    assert all("flags_doc" not in finding.text and finding.advice for finding in found)
    return {finding.name: finding.text for finding in found}


class Purifying(nn.Module):
    """Takes a gradient step of its own before it answers."""

    def __init__(self):
        super().__init__()
        self.inner = linear()

    def forward(self, images):
        with torch.enable_grad():
            leaf = images.detach().requires_grad_()
            step = torch.autograd.grad(self.inner(leaf).logsumexp(1).sum(), leaf)[0]
        return self.inner(images - 0.01 * step)


def test_nothing_is_found_with_an_honest_network():
    assert asked(linear()) == {}


def test_a_randomised_network():
    model = nn.Sequential(linear(), nn.Dropout(0.5).train())
    found = asked(model)
    assert found == {
        "randomised": 'it seems to be a randomized defense! Please use version="rand".'
    }
    assert asked(model, randomised_expected=True) == {}


def test_probabilities_for_logits():
    found = asked(linear(10, nn.Softmax(1)))
    assert list(found) == ["probabilities"]
    assert found["probabilities"].endswith("please be sure that the logits are used!")


def test_a_dynamic_network_does_not_make_the_next_one_dynamic():
    found = asked(Purifying().eval())
    assert list(found) == ["dynamic"]
    assert asked(linear()) == {}
    assert set(library.funcs.values()) == {0}


@pytest.mark.parametrize("fails", [False, True])
def test_a_debugger_keeps_its_trace_function(fails):
    def model(images):
        if fails and torch.is_grad_enabled():
            raise ArithmeticError
        return images.flatten(1)

    def trace(frame, event, arg):
        return None

    previous = sys.gettrace()
    images, label = torch.rand(4, 3, 2, 2), torch.zeros(4, dtype=torch.int64)
    sys.settrace(trace)
    try:
        if fails:
            with pytest.raises(ArithmeticError):
                before(model, images, label, randomised_expected=False, batch=4)
        else:
            before(model, images, label, randomised_expected=False, batch=4)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(previous)


def test_a_network_that_sees_its_batch():
    found = asked(lambda x: linear()(x - x.mean(0)), batch=5)
    assert list(found) == ["batch"]
    assert found["batch"].startswith("the logits of an image hang on the images that are asked")


def test_a_network_of_coarse_numbers():
    assert asked(lambda x: linear().bfloat16()(x.bfloat16()).float()) == {
        "precision": "it computes in bfloat16, coarser than float32!"
    }


@pytest.mark.parametrize("count", [1, 2, 256, 257, 1000, 50_000])
def test_a_set_is_looked_at_from_end_to_end(count):
    numbers = checks.spread(count).tolist()
    assert numbers == sorted(set(numbers))
    assert (numbers[0], numbers[-1]) == (0, count - 1)
    assert len(numbers) == min(count, 256)
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    assert not steps or max(steps) - min(steps) <= 1


def test_square_below_the_others():
    stages = {"clean": 0.9, "apgd-ce": 0.6, "apgd-t": 0.5, "square": 0.5}
    assert after(stages) == []
    (found,) = after(stages | {"square": 0.4})
    assert found.name == "square"
    assert found.text.startswith("Square Attack has decreased the robust accuracy of 10.00%.")
    assert found.text.endswith("an adaptive attack.")
    assert found.advice
    assert after({"clean": 0.9, "square": 0.1}) == []  # alone, it is below nothing


def test_zero_gradients_in_the_words_of_the_library():
    found = zero_gradients(3)
    assert found.name == "zero gradients"
    assert found.text.startswith("there are 3 points with zero gradient!")
    assert "flags_doc" not in found.text
    with pytest.raises(ValueError, match="found 0"):
        zero_gradients(0)


def test_words_that_are_new_are_kept():
    found = checks.finding("something else. See flags_doc.md for details.")
    assert (found.name, found.text) == ("library", "something else.")


@pytest.mark.parametrize(
    ("classes", "count", "right", "found"),
    [
        (10, 20, 2, True),
        (10, 20, 3, True),
        (10, 20, 4, False),
        (10, 19, 0, False),
        (100, 200, 3, True),
        (100, 200, 4, False),
        (2, 100, 55, True),
        (2, 100, 70, False),
    ],
)
def test_accuracy_of_guessing(classes, count, right, found):
    findings = chance(right, count, classes)
    assert [finding.name for finding in findings] == ["chance"] * found
    if found:
        assert f"{right}/{count}" in findings[0].text


@pytest.mark.parametrize(
    ("logits", "label", "words"),
    [
        ([[0, 1], [math.nan, 1]], [0, 1], r"^set: image 1: found logit nan of net; expected"),
        ([[math.inf, 1], [math.nan, 1]], [0, 1], r"^set: image 0 and 1 more: found logit inf"),
        ([[0], [1]], [0, 0], r"^net: found logits \(2, 1\) for 2 images; .* 2 classes or more"),
        ([[0, 1]], [0, 0], r"^net: found logits \(1, 2\) for 2 images"),
        ([0, 1], [0, 0], r"^net: found logits \(2,\)"),
        ([[0, 1], [1, 0]], [0, 2], r"^set: image 1: found label 2; net has 2 classes, expected 0"),
        ([[0, 1], [1, 0]], [-1, 0], r"^set: image 0: found label -1"),
    ],
)
def test_logits_and_labels_that_no_attack_can_use(logits, label, words):
    logits = torch.tensor(logits, dtype=torch.float32)
    with pytest.raises(DataError, match=words) as caught:
        check_logits(logits, torch.tensor(label), "net", "set")
    assert "\n" not in str(caught.value)


def test_images_are_named_by_their_numbers_in_the_set():
    logits = torch.tensor([[0.0, 1.0], [math.nan, 0.0]])
    with pytest.raises(DataError, match="image 17"):
        check_logits(logits, torch.tensor([0, 0]), "net", "set", torch.tensor([16, 17]))


def test_sound_logits_pass():
    check_logits(torch.rand(4, 3), torch.tensor([0, 1, 2, 0]), "net", "set")
