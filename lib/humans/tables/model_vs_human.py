"""model-vs-human:FILE, the tables of Geirhos's toolbox of that name, read and written.

Their `condition` is of the experiment's stimuli; where it is none of ours it is kept as `stimuli`,
and the images count as clean.  People are called subject-01 and so on, networks by their names.

Source: Geirhos et al. 2021, "Partial success in closing the gap between human and machine vision";
github.com/bethgelab/model-vs-human, raw-data.
"""

from collections.abc import Iterable, Iterator

from advlib.humans.judgements import CLEAN, CONDITIONS, HUMAN, MODEL, Answer
from advlib.humans.judges import Asked
from advlib.humans.tables.rows import NONE, further, joined, named, read_rows, seconds, whole

COLUMNS = (
    "subj",
    "session",
    "trial",
    "rt",
    "object_response",
    "category",
    "condition",
    "imagename",
)
EXPECTED = f"expected a table of model-vs-human: {', '.join(COLUMNS)}"
PERSON = "subject-"  # what names of people begin with
NO_RESPONSE, NO_TIME = "na", "NaN"


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers in the file."""
    return joined(answers(asked.rest), asked)


def answers(path: str) -> Iterator[Answer]:
    """Those of a file, in its order.  Raises DataError naming the line of what is wrong."""
    for place, cells in read_rows(path, COLUMNS, EXPECTED):
        response = "" if cells["object_response"].lower() in NONE else cells["object_response"]
        theirs = cells["condition"]
        yield Answer(
            image=named(cells, "imagename", place),
            judge=named(cells, "subj", place),
            label=named(cells, "category", place),
            guess=response,
            kind=HUMAN if cells["subj"].startswith(PERSON) else MODEL,
            condition=theirs if theirs in CONDITIONS else CLEAN,
            seconds=seconds(cells["rt"], 1.0, place, "rt"),
            order=max(0, whole(cells["trial"], place, "trial") - 1),
            status="answered" if response else "skipped",
            place=place,
            more={
                "session": further(cells["session"]),
                "stimuli": "" if theirs in CONDITIONS else further(theirs),
            },
        )


def row(answer: Answer, number: int) -> dict[str, object]:
    """An answer as a row of such a table.  number: of the row, for answers without an order."""
    person = answer.kind == HUMAN and not answer.judge.startswith(PERSON)
    return {
        "subj": PERSON + answer.judge if person else answer.judge,
        "session": answer.more.get("session") or "1",
        "trial": (number if answer.order is None else answer.order) + 1,
        "rt": NO_TIME if answer.seconds is None else answer.seconds,
        "object_response": answer.guess or NO_RESPONSE,
        "category": answer.label,
        "condition": answer.more.get("stimuli") or answer.condition,
        "imagename": answer.image,
    }
