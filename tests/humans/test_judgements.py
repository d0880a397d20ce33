"""Tables of judgements: what is read, and what cannot be of one study."""

import io

import paper_panel
import pytest

from advlib.errors import DataError
from advlib.humans.judgements import picture_digest, read_judgements, spoken_answers

HEAD = "image,judge,label,guess"
ONE = f"{HEAD}\n7,ann,cat,dog\n"


def read(text, renames=None, classes=None, name="t.csv"):
    texts = [text] if isinstance(text, str) else text
    files = [(f"{name}{i or ''}", io.BytesIO(t.encode())) for i, t in enumerate(texts)]
    return read_judgements(files, renames, classes)


def test_what_is_written_is_read():
    rows = paper_panel.answers()[:40]
    found = read(paper_panel.table(rows), classes=paper_panel.CLASSES)
    assert [a.row() for a in found.answers] == [a.row() for a in rows]
    assert found.judges() == ["ann", "ben", "cat", "gpt-4v"]
    assert [found.kind(judge) for judge in found.judges()] == ["human"] * 3 + ["model"]


def test_a_bare_table_has_a_persons_answers_to_attacked_images():
    (answer,) = read("\ufeff" + ONE, classes=["cat", "dog"]).answers
    assert (answer.kind, answer.condition, answer.confidence) == ("human", "adversarial", "")
    assert (answer.status, answer.check, answer.seconds) == ("answered", False, None)


def test_columns_of_other_names_are_read_and_others_carried_along():
    text = "key,worker,truth,said,rt\n1,w,a,b,0.5\n2,w,b,b,1\n"
    names = {"image": "key", "judge": "worker", "label": "truth", "guess": "said", "seconds": "rt"}
    found = read(
        text.replace("rt", "rt,age").replace("0.5", "0.5,30").replace("b,1", "b,1,40"), names
    )
    assert [(a.seconds, a.more) for a in found.answers] == [
        (0.5, {"age": "30"}),
        (1, {"age": "40"}),
    ]


def test_zeros_before_a_key_and_their_loss_in_a_spreadsheet_are_one_image():
    found = read([f"{HEAD}\n000000007,ann,cat,cat\n", f"{HEAD}\n7,ben,cat,cat\n"])
    assert {a.image for a in found.answers} == {"000000007"}


def test_attention_checks_are_kept_apart():
    text = f"{HEAD},check\n7,ann,cat,cat,\n8,ann,dog,dog,true\n"
    found = read(text)
    assert ([a.image for a in found.answers], [a.image for a in found.checks]) == (["7"], ["8"])


def test_classes_that_are_numbers_are_in_their_order():
    assert read(f"{HEAD}\n1,a,10,10\n2,a,9,10\n").classes == ("9", "10")


REFUSED = {
    f"{HEAD}\n7,ann,cat,dog\n": "t.csv:2: column 'guess': unknown class 'dog'; expected one of cat;"
    " name all classes if some have no image",
    f"{HEAD}\n": "t.csv: a header but no answers",
    "image;judge;label;guess\n": "t.csv:1: cells are separated by semicolons; expected commas",
    "image,judge,label\n": "t.csv:1: no column 'guess' among image, judge, label",
    f"{HEAD},guess\n1,a,b,b,b\n": "t.csv:1: two columns 'guess'",
    f"{HEAD}\n1,a,b\n": "t.csv:2: 3 cells; expected 4",
    f"{HEAD}\n,a,b,b\n": "t.csv:2: column 'image': found an empty cell; expected a name",
    f"{HEAD}\n1.2E+05,a,b,b\n": "t.csv:2: column 'image': found '1.2E+05'; expected a key;"
    " a spreadsheet has rewritten it",
    f"{HEAD}\n1,a,b,b\n2,a,b,b\n1,a,b,b\n": "t.csv:4: 'a' has answered the adversarial image '1' in"
    " t.csv:2 already",
    f"{HEAD}\n1,a,b,b\n1,c,d,d\n": "t.csv:3: image '1' has the label 'd', in t.csv:2 'b'; are these"
    " answers of another study?",
    f"{HEAD},prediction\n1,a,b,b,d\n1,c,b,b,b\n": "the prediction 'b', in t.csv:2 'd'",
    f"{HEAD},picture\n1,a,b,b,0f\n1,c,b,b,1e\n": "image '1' has the picture '1e', in t.csv:2 '0f'",
    f"{HEAD},kind\n1,a,b,b,human\n2,a,b,b,model\n": "t.csv:3: judge 'a' is 'model', in t.csv:2",
    f"{HEAD},kind\n1,a,b,b,robot\n": "column 'kind': found 'robot'; expected one of human, model",
    f"{HEAD},condition\n1,a,b,b,blur\n": "column 'condition': found 'blur'",
    f"{HEAD},confidence\n1,a,b,b,high\n": "found 'high'; expected one of low, higher",
    f'{HEAD},seconds\n1,a,b,b,"0,5"\n': "column 'seconds': found '0,5'; expected seconds, as 1.25",
    f"{HEAD},seconds\n1,a,b,b,-1\n": "column 'seconds': found '-1'",
    f"{HEAD},order\n1,a,b,b,1.5\n": "column 'order': found '1.5'; expected a whole number",
    f"{HEAD},status\n1,a,b,b,refused\n": "column 'guess': found 'b'; expected none, as it was",
    f"{HEAD},status\n1,a,b,,answered\n": "column 'guess': found an empty cell; expected a class",
    f"{HEAD}\n1,a,b,\n2,a,b,\n1,c,b,b\n": "t.csv:2: judge 'a' gave no answer at all",
}


@pytest.mark.parametrize("text", list(REFUSED))
def test_what_cannot_be_is_refused_with_file_and_line(text):
    with pytest.raises(DataError) as caught:
        read(text)
    assert REFUSED[text] in str(caught.value)


def test_a_name_for_a_column_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no column 'key' among image, judge"):
        read(ONE, {"image": "key"})
    with pytest.raises(DataError, match="no column 'rt' to read as 'seconds'"):
        read(ONE, {"seconds": "rt"})


def test_another_picture_has_another_digest():
    assert picture_digest(bytes(12)) != picture_digest(bytes(11) + b"\1")
    assert len(picture_digest(b"")) == 16


def test_what_was_said_of_attacked_images_in_a_line():
    text = (
        f"{HEAD},confidence,condition,status\n007,ann,cat,cat,,,\n7,ben,cat,dog,low,,\n"
        "7,vlm,cat,,,,refused\n8,vlm,dog,dog,,,\n7,ann,cat,dog,,clean,\n"
    )
    found = spoken_answers(read(text))
    assert found == {"7": "ann cat, ben dog?, vlm refused", "8": "vlm dog"}
