"""Rules of validity, each by hand; categories as the study defines them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_panels import panel, simulated

from advlib.errors import DataError
from advlib.humans.panel import NONE
from advlib.humans.rules import RULES, assumes, categories, valid_images
from advlib.humans.settings import Rule

# label 0 throughout; three people and a model
FOUR = {"people": [1, 1, 1, 0]}


@pytest.mark.parametrize(
    ("guess", "higher", "valid"),
    [
        ([0, 0, 1, 2], [0, 0, 0, 0], True),  # two judges of any kind
        ([0, 1, 2, 0], [0, 0, 0, 0], True),  # a person and the model
        ([0, 1, 1, 2], [0, 1, 1, 1], False),  # one person with low confidence
        ([0, 1, 1, 2], [1, 0, 0, 0], True),  # one person with higher confidence
        ([1, 1, 2, 0], [0, 0, 0, 1], False),  # the model alone, however sure
        ([0, NONE, NONE, NONE], [0, 0, 0, 0], False),
        ([NONE, NONE, NONE, NONE], [0, 0, 0, 0], False),
    ],
)
def test_the_studys_rule(guess, higher, valid):
    some = panel([guess], label=[0], higher=[higher], **FOUR)
    assert valid_images(Rule(), some).tolist() == [valid]


def test_its_thresholds():
    some = panel([[0, 0, 1, 2]], label=[0], higher=[[1, 0, 0, 0]], **FOUR)
    assert valid_images(Rule(agree=3), some)
    assert not valid_images(Rule(agree=3, confident=0), some)
    assert not valid_images(Rule(agree=3, confident=2), some)
    with pytest.raises(
        DataError, match=r"agree: 5 judges must give the label; the answers are of 4"
    ):
        valid_images(Rule(agree=5), some)


def test_the_majority_is_more_than_half_of_the_answers():
    guess = [[0, 0, 1, 2], [0, 0, 0, 1], [0, NONE, NONE, NONE], [0, 1, NONE, NONE]]
    some = panel(guess, label=[0] * 4, **FOUR)
    assert valid_images(Rule(rule="majority"), some).tolist() == [False, True, True, False]


def test_an_inattentive_judge_counts_less_in_the_majority():
    some = panel([[0, 1]], label=[0])
    assert not valid_images(Rule(rule="majority"), some)
    some.weight[1] = 0.5
    assert valid_images(Rule(rule="majority"), some)


def test_dawid_skene_knows_good_judges_from_bad_ones():
    some = simulated(2000, [0.97, 0.5, 0.5, 0.5], np.random.default_rng(0), classes=4)
    good = some.guess[:, 0] == some.label
    valid = valid_images(Rule(rule="dawid-skene"), some)
    assert (
        (valid == good).mean() > 0.97 > (valid_images(Rule(rule="majority"), some) == good).mean()
    )
    assert (valid >= valid_images(Rule(rule="dawid-skene", posterior=0.99), some)).all()


@pytest.mark.parametrize("name", RULES)
@given(seed=st.integers(0, 1000))
def test_valid_images_stay_so_as_another_judge_gives_their_label(name, seed):
    some = simulated(30, [0.6, 0.6, 0.6], np.random.default_rng(seed), classes=4)
    if name == "dawid-skene":  # an estimate from all images may go either way on one
        return
    before = valid_images(Rule(rule=name), some)
    some.guess[:, 0] = some.label
    assert (valid_images(Rule(rule=name), some) >= before).all()


@pytest.mark.parametrize(
    ("guess", "prediction", "category"),
    [
        ([1, 1, 2, 2], 1, "deceptive"),  # most people and the network, the same wrong class
        ([1, 2, 2, 1], 1, "ambiguous"),  # one person and the model
        ([2, 2, 2, 2], 1, "ambiguous"),  # another wrong class
        ([1, NONE, NONE, 2], 1, "deceptive"),  # of those who answered
        ([1, 2, NONE, 1], 1, "ambiguous"),  # half is no majority
        ([1, 1, 1, 1], NONE, "ambiguous"),  # the network's class is not known
    ],
)
def test_what_deceives_is_told_from_what_is_ambiguous(guess, prediction, category):
    some = panel([guess], label=[0], prediction=[prediction], **FOUR)
    assert categories(some, np.array([False])).tolist() == [category]
    assert categories(some, np.array([True])).tolist() == ["valid"]


def test_models_deceive_themselves_where_no_person_judges():
    some = panel([[1, 1, 2]], label=[0], prediction=[1], people=[0, 0, 0])
    assert categories(some, np.array([False])).tolist() == ["deceptive"]
    assert "no judge is a person" in next(assumes(Rule(), some))


def test_what_decides_and_was_not_asked_is_said():
    some = panel([[0, 0], [0, NONE], [NONE, NONE]], label=[0, 0, 0])
    some.stated[:] = False
    said = " ".join(assumes(Rule(), some))
    assert "people stated no confidence" in said
    assert "2 images have fewer than 2 answers" in said
    assert "1 images have no answer" in said


def test_settings_that_do_nothing_are_refused():
    with pytest.raises(DataError, match="agree: goes with rule paper"):
        Rule(rule="majority", agree=3)
    with pytest.raises(DataError, match="votes: goes with rule majority"):
        Rule(votes="attention")
