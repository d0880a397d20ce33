"""Accuracies of judges, by confidence, class and guess: the study's margins, and by hand."""

import numpy as np
import paper_panel
import pytest
from small_panels import panel, simulated

from advlib.humans.judgements import gather
from advlib.humans.panel import NONE, panels_of
from advlib.humans.scores import accuracy_rows, class_rows, confusion_rows, mean_accuracy


@pytest.fixture(scope="module")
def study():
    return panels_of(gather(paper_panel.answers()))


def test_accuracies_before_and_after_the_attack(study):
    """Fig. 14: people lose 25 points on average, each at least 21; GPT-4V gets 44.12 %."""
    found = {
        (r["judge"], r["condition"]): r
        for r in accuracy_rows(study, draws=200)
        if r["confidence"] == "all"
    }
    assert found["gpt-4v", "adversarial"]["right"] == 1160
    assert found["gpt-4v", "adversarial"]["accuracy"] == pytest.approx(0.4412, abs=5e-5)
    assert ("gpt-4v", "clean") not in found
    lost = [
        found[who, "clean"]["accuracy"] - found[who, "adversarial"]["accuracy"]
        for who in paper_panel.RIGHT
    ]
    mean = found["people", "clean"]["accuracy"] - found["people", "adversarial"]["accuracy"]
    assert mean == pytest.approx(np.mean(lost)) == pytest.approx(0.25, abs=0.005)
    assert min(lost) > 0.21
    assert found["people", "adversarial"]["right"] == pytest.approx(1675)
    assert found["ann", "adversarial"]["aligned"] == paper_panel.DECEPTIVE


def test_confidences_add_up(study):
    rows = [r for r in accuracy_rows(study, draws=0) if r["judge"] == "ben"]
    whole, low, higher = rows[:3]
    assert [r["confidence"] for r in rows[:3]] == ["all", "low", "higher"]
    assert whole["right"] == low["right"] + higher["right"] == 1675
    assert whole["images"] == low["images"] + higher["images"] == 2629


def test_a_question_without_an_answer_is_wrong_and_none_is_not_counted():
    some = panel([[0, 0], [NONE, NONE]], label=[0, 0])
    some.asked[1, 1] = False
    rows = [r for r in accuracy_rows({"adversarial": some}, 0) if r["confidence"] == "all"]
    first, second = rows[:2]
    assert (first["images"], first["right"], first["accuracy"]) == (2, 1, 0.5)
    assert (second["images"], second["right"], second["accuracy"]) == (1, 1, 1.0)


def test_the_means_interval_is_that_of_images():
    some = simulated(500, [0.7, 0.6], np.random.default_rng(0))
    rng = np.random.default_rng(1)
    times = rng.multinomial(500, np.full(500, 1 / 500), size=2000)
    each = some.agrees.mean(1)
    assert mean_accuracy(some, times).std() == pytest.approx(each.std() / np.sqrt(500), rel=0.1)


def test_classes_and_confusions_add_up_to_all(study):
    right = {}
    for row in class_rows(study):
        key = row["judge"], row["condition"]
        right[key] = right.get(key, 0) + row["right"]
    assert right["ann", "adversarial"] == 1700 and right["gpt-4v", "adversarial"] == 1160
    confusion = list(confusion_rows(study))
    ann = [r for r in confusion if (r["judge"], r["condition"]) == ("ann", "adversarial")]
    assert sum(r["images"] for r in ann) == 2629
    assert sum(r["images"] for r in ann if r["label"] == r["guess"]) == 1700
    network = [r for r in confusion if (r["judge"], r["condition"]) == ("network", "adversarial")]
    assert all(r["label"] != r["guess"] for r in network)


def test_no_answer_is_an_empty_guess():
    rows = list(confusion_rows({"adversarial": panel([[NONE], [1]], label=[0, 1])}))
    own = [(r["label"], r["guess"], r["images"]) for r in rows if r["judge"] == "judge0"]
    assert sorted(own) == [("a", "", 1), ("b", "b", 1)]
