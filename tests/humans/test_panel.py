"""Answers as arrays."""

import pytest

from advlib.errors import DataError
from advlib.humans.judgements import Answer, gather
from advlib.humans.panel import NONE, panel_of, panels_of

ROWS = [
    Answer("1", "ann", "a", "b", prediction="c", confidence="higher"),
    Answer("1", "vlm", "a", "", kind="model", status="refused", prediction="c"),
    Answer("2", "vlm", "b", "b", kind="model"),
    Answer("1", "ann", "a", "a", condition="clean", confidence="low"),
]


def test_each_answer_has_its_place():
    panel = panel_of(gather(ROWS))
    assert (panel.classes, panel.judges) == (("a", "b", "c"), ("ann", "vlm"))
    assert panel.people.tolist() == [True, False]
    assert panel.label.tolist() == [0, 1] and panel.prediction.tolist() == [2, NONE]
    assert panel.guess.tolist() == [[1, NONE], [NONE, 1]]
    assert panel.asked.tolist() == [[True, True], [False, True]]
    assert panel.stated.tolist() == panel.higher.tolist() == [[True, False], [False, False]]
    assert panel.votes().tolist() == [[0, 1, 0], [0, 1, 0]]


def test_conditions_are_kept_apart():
    panels = panels_of(gather(ROWS))
    assert list(panels) == ["adversarial", "clean"]
    assert panels["clean"].judges == ("ann",) and len(panels["clean"]) == 1
    with pytest.raises(DataError, match="no answers to clean images"):
        panel_of(gather(ROWS[:3]), "clean")


def test_images_and_judges_are_picked():
    panel = panel_of(gather(ROWS))
    twice = panel.take([1, 1])
    assert twice.images.tolist() == ["2", "2"] and twice.guess.tolist() == [[NONE, 1]] * 2
    alone = panel.only([1])
    assert alone.judges == ("vlm",) and alone.guess.tolist() == [[NONE], [1]]
