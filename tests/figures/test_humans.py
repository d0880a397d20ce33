"""The figure of people's and models' accuracies."""

import numpy as np
import pytest
from making_fits import score

from advlib.errors import DataError
from advlib.figures import kinds


def drawn(axes):
    """Accuracies of single marks, and ends of intervals."""
    marks, bars = [], []
    for line in axes.lines:
        x = np.atleast_1d(np.asarray(line.get_xdata(), float))
        (marks if len(x) == 1 else bars).append(x.tolist())
    return sorted(mark for (mark,) in marks), sorted(bars)


def test_marks_and_intervals_are_those_of_the_scores():
    scores = [
        score("ann", "adversarial", "all", 0.6),
        score("ann", "clean", "all", 0.9),
        score("vlm", "adversarial", "all", 0.4),
        score("ann", "adversarial", "low", 0.3),
    ]
    first, second = kinds.draw("humans", scores).axes
    assert [axes.get_title(loc="left") for axes in (first, second)] == [
        "all answers",
        "low confidence",
    ]
    marks, bars = drawn(first)
    assert marks == pytest.approx([0.4, 0.6, 0.9])
    assert np.array(bars) == pytest.approx(np.array([[0.3, 0.5], [0.5, 0.7], [0.8, 1.0]]))
    assert drawn(second)[0] == pytest.approx([0.3])
    assert [label.get_text() for label in first.get_yticklabels()] == ["ann", "vlm"]


def test_scores_without_accuracies_are_refused():
    with pytest.raises(DataError, match="no accuracies; humans draws what advscore prints"):
        kinds.draw("humans", [])
