"""The estimate of classes from answers: against crowd-kit, and where the answer is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_panels import simulated

from advlib.humans import dawid_skene
from advlib.humans.panel import NONE

REFERENCE = json.loads((Path(__file__).parent / "data/dawid_skene.json").read_text())


def test_posteriors_are_those_of_crowd_kit(monkeypatch):
    answers, expected = np.array(REFERENCE["answers"]), np.array(REFERENCE["posterior"])
    usual = dawid_skene.dawid_skene(answers, 4)
    assert (usual.posterior.argmax(1) == expected.argmax(1)).all()
    monkeypatch.setattr(dawid_skene, "TOLERANCE", 1e-13)
    found = dawid_skene.dawid_skene(answers, 4)
    assert np.abs(found.posterior - expected).max() < 1e-5  # crowd-kit's chances are 1e-10 or more


def test_confusions_and_shares_of_a_large_panel_are_found():
    rng = np.random.default_rng(1)
    accuracy = np.array([0.95, 0.8, 0.6, 0.7])
    some = simulated(20_000, accuracy, rng, classes=4)
    found = dawid_skene.dawid_skene(some.guess, 4)
    diagonal = found.confusion[:, range(4), range(4)]
    assert np.abs(diagonal - accuracy[:, None]).max() < 0.03
    assert np.abs(found.share - 0.25).max() < 0.02
    most = some.votes().argmax(1) == some.label
    assert (found.posterior.argmax(1) == some.label).mean() > most.mean()


def test_rows_sum_to_one_and_the_likelihood_is_that_of_the_answers():
    some = simulated(200, [0.9, 0.7], np.random.default_rng(2), classes=3, missing=0.2)
    guess = some.guess[(some.guess != NONE).any(1)]
    found = dawid_skene.dawid_skene(guess, 3)
    assert np.allclose(found.posterior.sum(1), 1)
    assert np.allclose(found.confusion.sum(2), 1)
    direct = 0.0  # by the definition, with the parameters before the last step of expectation
    for row in guess:
        chance = found.share.copy()
        for judge, said in enumerate(row):
            chance *= found.confusion[judge, :, said] if said != NONE else 1
        direct += np.log(chance.sum())
    assert found.likelihood == pytest.approx(direct, rel=1e-9)


def test_an_image_that_counts_three_times_is_three_images():
    guess = simulated(60, [0.9, 0.7, 0.8], np.random.default_rng(3), classes=3).guess
    times = np.where(np.arange(60) % 2, 1, 3)
    once = dawid_skene.dawid_skene(guess, 3, times)
    thrice = dawid_skene.dawid_skene(np.repeat(guess, times, axis=0), 3)
    assert np.allclose(np.repeat(once.posterior, times, axis=0), thrice.posterior)
    assert once.likelihood == pytest.approx(thrice.likelihood)


def test_an_image_without_answers_is_refused():
    with pytest.raises(ValueError, match="without any answer"):
        dawid_skene.dawid_skene(np.array([[0, 1], [NONE, NONE]]), 2)
