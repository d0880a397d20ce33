"""Scores as they are printed, read again."""

import io

import pytest

from advlib.errors import DataError
from advlib.humans.score_table import ACCURACY, human_levels, read_scores

HEAD = "judge,kind,condition,confidence,accuracy,accuracy_low,accuracy_high\n"
BENCHMARK = "judge,kind,benchmark,accuracy,accuracy_low,accuracy_high\n"


def read(text):
    return read_scores(io.BytesIO(text.encode()), "s.csv", ACCURACY)


def levels(text):
    return human_levels(io.BytesIO((BENCHMARK + text).encode()), "s.csv")


def test_cells_become_shares():
    (score,) = read(HEAD + "ann,human,clean,all,0.5,,\n")
    assert (score.accuracy, score.low, score.text["judge"]) == (0.5, None, "ann")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("judge,kind\nann,human\n", "s.csv:1: no column 'condition' among judge, kind"),
        (HEAD, "s.csv: a header but no scores"),
        (HEAD + "ann,human,clean,all,1.5,,\n", "s.csv:2: column 'accuracy': found '1.5'"),
        (HEAD + "ann,human,clean,all,x,,\n", "s.csv:2: column 'accuracy': found 'x'"),
        (HEAD + "ann,human\n", "s.csv:2: 2 cells; expected 7"),
    ],
)
def test_what_is_no_score_is_refused(text, said):
    with pytest.raises(DataError) as caught:
        read(text)
    assert said in str(caught.value)


def test_peoples_level_is_their_mean_or_that_of_the_only_person():
    rows = "network,network,original,0.7,,\nann,human,original,0.9,,\nben,human,original,0.8,,\n"
    assert levels(rows + "people,human,original,0.85,,\npeople,human,revised,0.95,,\n") == {
        "average human": 0.85,
        "average human, valid images": 0.95,
    }
    assert levels("ann,human,original,0.9,,\n") == {"average human": 0.9}
    for none in (rows, "vlm,model,original,0.8,,\n"):
        with pytest.raises(DataError, match="no people on the original benchmark"):
            levels(none)
