"""Attention checks: who passed, who is left out, what an answer counts."""

from dataclasses import replace

import pytest

from advlib.errors import DataError
from advlib.humans.attention import leave_out, passed, weighted
from advlib.humans.judgements import Answer, gather
from advlib.humans.panel import panel_of


@pytest.fixture
def judgements():
    """ann passes 3 of 4 checks, ben 1 of 4, and cat is shown none."""
    guesses = {"ann": "a", "ben": "b", "cat": "a"}
    own = [Answer("1", who, "a", guess) for who, guess in guesses.items()]
    checks = [
        replace(answer, image=f"c{i}", label="a", guess="a" if i < right else "b", check=True)
        for answer, right in zip(own[:2], (3, 1), strict=True)
        for i in range(4)
    ]
    return gather([*own, *checks], ["a", "b"])


def test_shares_of_checks_passed(judgements):
    assert passed(judgements) == {"ann": 0.75, "ben": 0.25, "cat": 1.0}


def test_who_did_not_look_is_left_out(judgements):
    left, gone = leave_out(judgements, 0.5)
    assert left.judges() == ["ann", "cat"] and gone == {"ben": 0.25}
    with pytest.raises(DataError, match="no judge passed"):
        leave_out(replace(judgements, answers=judgements.answers[:2]), 0.9)


def test_answers_count_by_attention(judgements):
    panel = weighted(panel_of(judgements), passed(judgements))
    assert panel.votes().tolist() == [[1.75, 0.25]]
