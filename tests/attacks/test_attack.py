"""advlib.attack: the numbers of the command, without it, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from robust import pictures, read, small

import advlib
from advlib.attacks import settings, suites
from advlib.attacks.stages import Attack, as_round

# lines of advattack, and the same as arguments
SAME = [
    ("--attack apgd-ce,apgd-t --eps 0.12 --seed 3", {"attack": "apgd-ce,apgd-t", "seed": 3}),
    ("--attack pgd --eps 0.12 --restarts 2", {"attack": "pgd", "restarts": 2}),
]


@pytest.mark.parametrize(("line", "options"), SAME, ids=["list", "pgd"])
def test_it_finds_what_the_command_finds(advattack, robust, line, options):
    printed = json.loads(advattack(f"mine:net few --first 30 --batch 7 {line} -o called").stdout)
    images, labels = pictures(30)
    found = advlib.attack(small(), images, labels, eps=0.12, batch=7, **options)
    kept = read(robust / "called")
    np.testing.assert_array_equal(
        found.adversarial, kept.fields["adversarial"].transpose(0, 3, 1, 2)
    )
    assert found.by.tolist() == kept.fields["attack"].tolist()
    np.testing.assert_array_equal(found.logits, kept.fields["logits"])
    np.testing.assert_array_equal(found.robust, kept.fields["prediction"] == kept.label)
    assert 0 < found.accuracy == printed["accuracy"] < found.clean_accuracy
    assert found.clean_accuracy == printed["clean_accuracy"]
    for mine, theirs in zip(found.stages, printed["stages"], strict=True):
        assert {**mine, "seconds": 0} == {**theirs, "seconds": 0}
    assert found.verdict["attack"] | {"eps_text": "3/25"} == printed["attack"]


def test_arrays_tensors_and_functions_are_the_same(robust):
    images, labels = pictures(12)
    how = {"attack": "apgd-ce", "eps": "3/25"}
    one = advlib.attack(small(), images, labels, **how)
    two = advlib.attack(lambda x: small()(x), images.numpy(), labels.numpy(), **how)
    np.testing.assert_array_equal(one.adversarial, two.adversarial)
    assert one.verdict["attack"]["eps_text"] == "3/25"


def test_the_network_and_the_random_numbers_are_left_as_they_were():
    layers = torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(192, 10)
    network = torch.nn.Sequential(*layers)
    before = torch.get_rng_state()
    found = advlib.attack(network, *pictures(5), attack="pgd", steps=2)
    assert network.training and network[1].training and network[2].weight.requires_grad
    assert torch.equal(torch.get_rng_state(), before)
    assert not {"randomised"} & {warning["name"] for warning in found.verdict["warnings"]}


def test_progress_is_told():
    told = []
    advlib.attack(small(), *pictures(5), attack="pgd", eps=0.1, progress=told.append)
    assert told and told[0].stage == "pgd" and told[0].seen == 5


def test_a_float_of_a_simple_fraction_is_that_fraction():
    for value in (8 / 255, "8/255"):
        assert str(settings.exact_radius(value)) == "8/255"
    assert float(settings.exact_radius(0.123456789)) == 0.123456789


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"images": np.zeros((2, 8, 8, 3), np.uint8)}, "images: found torch.uint8"),
        ({"images": torch.full((2, 3, 8, 8), 2.0)}, "images: found values outside"),
        ({"labels": torch.zeros(3).long()}, "labels: found torch.int64 (3,)"),
        ({"labels": torch.zeros(2)}, "labels: found torch.float32 (2,)"),
        ({"labels": torch.tensor([0, 10])}, "found label 10"),
        ({"eps": 8}, "eps: found 8; images are in [0, 1]"),
        ({"eps": "much"}, "eps: found 'much'; expected a radius"),
        ({"steps": 3}, "steps: goes with attack pgd; here it is autoattack"),
        ({"attack": "apgd"}, "attack 'apgd': expected"),
        ({"norm": "L0"}, "norm: found 'L0'; expected one of Linf, L2, L1"),
        ({"network": lambda x: x}, "found no logits"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, said):
    images, labels = pictures(2)
    given = {"network": small(), "images": images, "labels": labels} | arguments
    with pytest.raises(advlib.DataError) as err:
        advlib.attack(given.pop("network"), given.pop("images"), given.pop("labels"), **given)
    assert said in str(err.value) and "\n" not in str(err.value)


def test_a_new_attack_is_a_declaration_and_a_line_in_the_table(monkeypatch):
    def to_grey(problem):
        """All images in the ball that are as near to grey as can be."""
        lanes = problem.left()
        images = problem.images[lanes]
        problem.claim(lanes, images + (0.5 - images).clamp(-problem.eps, problem.eps))

    grey = Attack("grey", 99, lambda setup: [as_round(to_grey)], lambda setup: 1.0)
    monkeypatch.setitem(suites.ATTACKS, "grey", grey)
    found = advlib.attack(small(), *pictures(40), attack="grey,apgd-ce", eps=0.5)
    assert [row["attack"] for row in found.stages] == ["grey", "apgd-ce"]
    assert found.stages[0]["fooled"] > 0 and "grey" in found.by
    with pytest.raises(advlib.DataError, match="the AutoAttack library has no such attack"):
        advlib.attack(small(), *pictures(2), attack="grey", engine="reference")


def test_random_numbers_are_keyed_by_numbers_that_never_change():
    numbers = {name: attack.number for name, attack in suites.ATTACKS.items()}
    assert numbers == {
        "pgd": 0,
        "apgd-ce": 1,
        "apgd-dlr": 2,
        "fab": 3,
        "square": 4,
        "apgd-t": 5,
        "fab-t": 6,
    }


def test_settings_import_nothing_heavy():
    code = "import sys, advlib.attacks.settings, advlib.evaluation.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy"} & set(done.stdout.split())
