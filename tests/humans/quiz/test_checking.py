"""What is said of people's answers: complete, attentive, in times that can be."""

import io

import pytest

from advlib.errors import DataError
from advlib.humans.judgements import read_judgements
from advlib.humans.quiz.checking import rows

HEAD = "image,judge,label,guess,seconds,check,page,trials,study,events\n"


def check(text):
    return list(rows(read_judgements([("a.csv", io.BytesIO((HEAD + text).encode()))])))


def test_a_row_for_each_person_and_page():
    undone = '"[{""event"":""answer"",""undone"":""x""},{""event"":""pause""}]"'
    found = check(
        "1,ann,a,a,0.05,false,1,3,s,[]\n"
        f"2,ann,b,a,1.5,false,1,3,s,{undone}\n"
        "c,ann,b,a,90,true,1,3,s,[]\n"
        "3,ann,a,a,2,false,2,3,s,[]\n"
        "1,ben,a,b,2,false,1,3,s,[]\n"
    )
    assert [(r["judge"], r["page"], r["answers"], r["complete"]) for r in found] == [
        ("ann", "1", 3, True),
        ("ann", "2", 1, False),
        ("ben", "1", 1, False),
    ]
    first = found[0]
    assert (first["checks"], first["checks_passed"]) == (1, 0)
    assert (first["fast"], first["slow"], first["median_seconds"]) == (1, 1, 1.5)
    assert (first["undone"], first["pauses"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,ann,a,a,1,,1,3,,[]\n", "a.csv:2: column 'study': empty; expected what advquiz's page"),
        ("1,ann,a,a,1,,1,3,s,[]\n2,ann,a,a,1,,1,3,t,[]\n", "a.csv:3: of study t; those before it"),
        ("1,ann,a,a,1,,1,many,s,[]\n", "column 'trials': found 'many'; expected a count"),
        (
            "1,ann,a,a,1,,1,3,s,[]\n2,ann,a,a,1,,1,4,s,[]\n",
            "'trials': differs within a page",
        ),
        ("1,ann,a,a,1,,1,3,s,{\n", "column 'events': no list in JSON"),
    ],
)
def test_what_is_of_no_quiz_or_of_several_is_refused(text, said):
    with pytest.raises(DataError) as caught:
        check(text)
    assert said in str(caught.value)
