"""Networks that attacks cannot tell much about: what is said of them, and what is found."""

import json

import numpy as np
import pytest
from robust import digits, write


def warnings(document):
    return {warning["name"]: warning for warning in document["warnings"]}


def test_networks_that_attacks_cannot_judge_are_said_and_judged(bad):
    done = bad("own:sure few --first 9 --attack apgd-ce -q")
    assert "probabilities" in warnings(json.loads(done.stdout))
    done = bad("own:sure few --first 9 --attack apgd-ce")
    assert "note: " in done.stderr and "give the logits, from before the softmax" in done.stderr
    done = bad("own:moody few --first 9 --attack apgd-ce")
    found = warnings(json.loads(done.stdout))
    assert "--attack autoattack-rand" in found["randomised"]["advice"]
    assert "use --attack autoattack-rand" in done.stderr
    done = bad("own:moody few --first 3 --attack autoattack-rand --eps 0.2")
    assert "randomised" not in warnings(json.loads(done.stdout))
    done = bad("own:left_on few --first 9 --attack pgd --attack-steps 1")
    assert "note: own:left_on: was in training mode; it is attacked in evaluation" in done.stderr
    assert warnings(json.loads(done.stdout)) == {}
    done = bad("own:stubborn few --first 9 --attack pgd --attack-steps 1")
    assert "own:stubborn: puts itself into training mode when it is asked" in done.stderr


def test_warnings_are_said_once_before_the_attacks_and_kept(bad):
    done = bad("own:sure few --first 9 --attack apgd-ce")
    lines = done.stderr.splitlines()
    (said,) = (i for i, line in enumerate(lines) if "probability distribution" in line)
    assert said < next(i for i, line in enumerate(lines) if line.startswith("advattack: apgd-ce: "))
    assert "probabilities" in warnings(json.loads(done.stdout))


def test_warnings_do_not_hang_on_batches(bad):
    lines = [f"own:far few --first 20 --attack apgd-t --eps 0.01 -q --batch {n}" for n in (64, 3)]
    first, second = (warnings(json.loads(bad(line).stdout)) for line in lines)
    assert first.keys() == second.keys() >= {"zero gradients"}
    counts = [int(found["zero gradients"]["text"].split()[2]) for found in (first, second)]
    assert counts[0] == counts[1] <= 20


def test_a_network_that_errs_by_chance_fares_as_with_the_library(bad):
    line = "own:errs few --attack autoattack-rand --eps 0.0001 -q"
    found = json.loads(bad(line).stdout)
    theirs = json.loads(bad(f"{line} --engine reference").stdout)
    # each stage judges an image once, the library some twice, and one in twenty judgements errs
    for document, most in ((found, 12), (theirs, 25)):
        fooled = [row["fooled"] for row in document["stages"]]
        assert sum(fooled) <= most, fooled
    again = json.loads(bad(line).stdout)
    assert again["accuracy"] == found["accuracy"]
    assert again["clean_accuracy"] == found["clean_accuracy"] < 1


def test_the_library_aims_at_no_more_classes_than_there_are(bad, wrong):
    part = digits()
    write(wrong / "low", part.take(np.flatnonzero(part.label < 5)[:12]))
    line = "own:five low --attack apgd-t,fab-t --eps 0.1 -q"
    found = json.loads(bad(f"{line} --draws library").stdout)
    theirs = json.loads(bad(f"{line} --engine reference").stdout)
    assert [row["fooled"] for row in found["stages"]] == [row["fooled"] for row in theirs["stages"]]


def test_the_librarys_own_run_keeps_its_warnings(bad):
    done = bad("own:sure few --first 5 --attack apgd-ce --engine reference --eps 0.2 -q")
    assert "probabilities" in warnings(json.loads(done.stdout))


def test_a_network_that_sees_its_batch_or_computes_coarsely_is_said_and_kept(bad):
    for name, words in (("batch", "hang on the images"), ("precision", "computes in float16")):
        network = {"batch": "crowded", "precision": "coarse"}[name]
        done = bad(f"own:{network} few --first 9 --attack pgd --attack-steps 1")
        assert list(warnings(json.loads(done.stdout))) == [name]
        assert words in done.stderr
    done = bad("own:net few --first 9 --attack pgd --attack-steps 1")
    assert warnings(json.loads(done.stdout)) == {}


def test_few_classes_bring_no_warning_of_targets_that_are_not_used(bad, wrong):
    part = digits()
    write(wrong / "lowest", part.take(np.flatnonzero(part.label < 3)[:6]))
    for engine in ("fast", "reference"):
        done = bad(f"own:first_three lowest --attack apgd-ce,apgd-dlr --engine {engine}")
        assert "classes" not in warnings(json.loads(done.stdout))
        assert "target" not in done.stderr


def test_a_set_that_is_sorted_is_not_judged_by_its_beginning(bad, wrong):
    part = digits().take(np.arange(300))
    write(wrong / "sorted", part.take(np.argsort(part.label)[::-1]))
    line = "own:sure_of_high sorted --attack pgd --attack-steps 1 -q --batch 16"
    assert "probabilities" not in warnings(json.loads(bad(line).stdout))


ATTACKS = {
    "apgd-ce": "--attack apgd-ce",
    "apgd-dlr": "--attack apgd-dlr",
    "apgd-t": "--attack apgd-t",
    "fab": "--attack fab --eps 0.001",
    "fab-t": "--attack fab-t --eps 0.001",
    "pgd with CW": "--attack pgd40-cw",
    "pgd with CE in L2": "--attack pgd --attack-steps 2 --attack-loss ce --norm L2",
    "pgd with targets": "--attack pgd --attack-steps 2 --targets 2",
    "pgd with KL": "--attack train-pgd10",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_gradients_of_zero_are_seen_by_every_attack_that_takes_gradients(bad, attack):
    line = f"{{}} few --first 4 {ATTACKS[attack]} -q"
    assert "zero gradients" in warnings(json.loads(bad(line.format("own:flat")).stdout))
    assert "zero gradients" not in warnings(json.loads(bad(line.format("mine:net")).stdout))


def test_what_saturates_cross_entropy_alone_is_seen_by_it_alone(bad):
    line = "own:hot few --first 9 --eps 0.001 -q --attack"
    assert "zero gradients" in warnings(json.loads(bad(f"{line} apgd-ce").stdout))
    assert "zero gradients" not in warnings(json.loads(bad(f"{line} pgd").stdout))
