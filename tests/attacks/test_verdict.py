"""What an attack comes to: intervals, stages, a RobustBench entry, fields of shards."""

import re
from fractions import Fraction

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from advlib.attacks.checks import Finding
from advlib.attacks.found import Found
from advlib.attacks.results import attacked_chunk
from advlib.attacks.robustbench import ENTRY, entry
from advlib.attacks.settings import AttackSettings
from advlib.attacks.suites import suite
from advlib.attacks.verdict import Verdict
from advlib.shards.chunk import Chunk

BY = ["", "clean", "apgd-ce", "apgd-ce", "square", "", "", "apgd-t"]
STAGES = ["apgd-ce", "apgd-t", "fab-t", "square"]


def found(by=BY, first=0, seed=0, costs=None, findings=(), zeros=0):
    """A window whose images come to this; where the picture of every third fools no more."""
    random, n = np.random.default_rng(seed), len(by)
    label = random.integers(0, 10, n)
    other = (label + 1) % 10

    def logits(guess):
        return (np.eye(10)[guess] + random.uniform(0, 0.1, (n, 10))).astype(np.float32)

    wrong = np.array([bool(text) for text in by])
    clean = np.array([text == "clean" for text in by])
    shown = wrong & (np.arange(n) % 3 != 0)
    return Found(
        np.arange(first, first + n),
        label,
        random.random((n, 4, 4, 3), np.float32),
        logits(np.where(clean, other, label)),
        logits(np.where(wrong, other, label)),
        logits(np.where(shown, other, label)),
        np.array(by, object),
        costs or {},
        list(findings),
        zeros,
    )


def summed(*windows):
    tally = Verdict(suite(AttackSettings(), (3, 4, 4), 10))
    for window in windows:
        tally.add(window)
    return tally.document()


def test_accuracies_have_wilsons_interval():
    document = summed(found(), found(BY[:5], 8))
    for name, right in (("clean_accuracy", 11), ("accuracy", 4)):
        interval = proportion_confint(right, 13, 0.05, "wilson")
        assert document[name] == right / 13
        assert (document[f"{name}_low"], document[f"{name}_high"]) == pytest.approx(interval)
    assert document["images"] == 13


def test_stages_add_up():
    cost = {"seconds": 1.5, "forwards": 10, "backwards": 5}
    document = summed(
        found(costs={"apgd-ce": cost}), found(BY[:5], 8, costs={"apgd-ce": cost, "square": cost})
    )
    rows = document["stages"]
    assert [(row["attack"], row["images"], row["fooled"]) for row in rows] == [
        ("apgd-ce", 11, 4),
        ("apgd-t", 7, 1),
        ("fab-t", 6, 0),
        ("square", 6, 2),
    ]
    for row in rows:
        left = row["images"] - row["fooled"]
        assert row["accuracy"] == left / 13
        interval = proportion_confint(left, 13, 0.05, "wilson")
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(interval)
    assert rows[-1]["accuracy"] == document["accuracy"]
    costs = [(row["seconds"], row["forwards"], row["backwards"]) for row in rows]
    assert costs == [(3.0, 20, 10), (0, 0, 0), (0, 0, 0), (1.5, 10, 5)]


def test_pictures_that_fool_no_more_count_as_right():
    # 0, 5 and 6 withstand, and 3 is right again as a picture
    assert summed(found())["picture_accuracy"] == 4 / 8


def test_what_is_suspicious_is_said_once():
    one = Finding("dynamic", "a text", "an advice")
    document = summed(found(findings=[one], zeros=2), found(findings=[one], zeros=1))
    names = [warning["name"] for warning in document["warnings"]]
    assert names == ["dynamic", "zero gradients", "square"]
    assert document["warnings"][0] == {"name": "dynamic", "text": "a text", "advice": "an advice"}
    assert document["warnings"][1]["text"].startswith("there are 3 points with zero gradient!")


@pytest.mark.parametrize("only", [False, True])
def test_fields_are_what_was_found(only):
    window = found(first=3)
    image = np.random.default_rng(1).integers(0, 256, (8, 4, 4, 3), np.uint8)
    key = np.array([f"k{i}" for i in range(8)], object)
    source = Chunk(image, window.label, key, {"weight": np.arange(8.0)})
    made = attacked_chunk(window, source, "L2", only)
    rows = np.flatnonzero(np.array(BY, object) != "") if only else np.arange(8)
    assert len(made) == len(rows) == (5 if only else 8)
    assert made.key_texts() == [f"k{i}" for i in rows]
    assert made.fields["weight"].tolist() == rows.tolist()
    np.testing.assert_array_equal(made.image, image[rows])
    fields = made.fields
    np.testing.assert_array_equal(fields["adversarial"], window.adversarial[rows])
    assert fields["adversarial"].dtype == np.float32
    for name, logits in (("clean_prediction", "clean_logits"), ("prediction", "logits")):
        np.testing.assert_array_equal(fields[logits], getattr(window, logits)[rows])
        np.testing.assert_array_equal(fields[name], getattr(window, logits)[rows].argmax(1))
    assert fields["attack"].tolist() == [BY[i] for i in rows]
    moved = window.adversarial.astype(np.float64) - image.astype(np.float64) / 255
    expected = np.sqrt((moved**2).sum((1, 2, 3)))[rows]
    assert fields["perturbation"] == pytest.approx(expected, rel=1e-6)
    assert fields["picture_fools"].tolist() == [bool(BY[i]) and i % 3 != 0 for i in rows]


@pytest.mark.parametrize(("norm", "reduce"), [("Linf", np.max), ("L1", np.sum)])
def test_the_perturbation_is_measured_in_the_attacks_norm(norm, reduce):
    window = found()
    image = np.zeros((8, 4, 4, 3), np.uint8)
    made = attacked_chunk(window, Chunk(image, window.label, np.arange(8)), norm, False)
    expected = [reduce(np.abs(one.astype(np.float64))) for one in window.adversarial]
    assert made.fields["perturbation"] == pytest.approx(expected, rel=1e-6)


DOCUMENT = {
    "dataset": "cifar10",
    "model": "wrn-28-10",
    "clean_accuracy": 0.9327,
    "accuracy": 0.71,
    "attack": {"norm": "Linf"},
}
AUTHORS = {
    "link": "https://arxiv.org/abs/2404.09349",
    "name": "Limits",
    "authors": "A, B",
    "additional_data": "false",
    "venue": "ICML 2024",
}


def test_an_entry_has_the_fields_of_robustbench():
    made, empty = entry(DOCUMENT, Fraction("8/255"), AUTHORS)
    assert list(made) == list(ENTRY) and empty == []
    assert made == {
        **AUTHORS,
        "additional_data": False,
        "number_forward_passes": 1,
        "dataset": "cifar10",
        "architecture": "wrn-28-10",
        "eps": "8/255",
        "clean_acc": "93.27",
        "reported": "71.00",
        "autoattack_acc": "71.00",
    }
    assert all(re.fullmatch(r"\d+\.\d\d", made[name]) for name in ("clean_acc", "reported"))


def test_given_fields_go_before_ours_and_may_be_more():
    more = {"architecture": "WideResNet-28-10", "footnote": "Mind.", "number_forward_passes": "3"}
    made, empty = entry(DOCUMENT, Fraction(1, 2), {**AUTHORS, **more, "unreliable": "true"})
    assert (made["architecture"], made["footnote"]) == ("WideResNet-28-10", "Mind.")
    assert (made["number_forward_passes"], made["unreliable"], made["eps"]) == (3, True, "1/2")
    assert empty == []


def test_a_radius_in_l2_is_a_decimal():
    made, _ = entry({**DOCUMENT, "attack": {"norm": "L2"}}, Fraction(1, 2), AUTHORS)
    assert made["eps"] == "0.5"


def test_what_nobody_gave_is_named():
    made, empty = entry(DOCUMENT, Fraction("8/255"), {"venue": "ICML 2024"})
    assert empty == ["link", "name", "authors", "additional_data"]
    assert all(made[name] is None for name in empty)
