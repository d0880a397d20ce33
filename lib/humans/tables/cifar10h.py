"""cifar10h:FILE, what people said of the 10,000 test images of CIFAR-10, each about 50 times.

FILE is cifar10h-raw.csv.  An image's key is its number in the test set, which attention checks,
10 of each person's 210, lack; their pictures are clean, and no confidence was asked for.

Source: Peterson, Battleday, Griffiths, Russakovsky 2019, "Human uncertainty makes classification
more robust"; columns as the README of its data describes them.
"""

from collections.abc import Iterable, Iterator

from advlib.humans.judgements import CLEAN, HUMAN, Answer
from advlib.humans.judges import Asked
from advlib.humans.tables import cifar10h_votes
from advlib.humans.tables.rows import NONE, joined, named, read_rows, seconds, whole
from advlib.shards.chunk import key_text

REQUIRED = (
    *("annotator_id", "trial_index", "is_attn_check", "true_category", "chosen_category"),
    *("cifar10_test_test_idx", "reaction_time"),
)
EXPECTED = "expected the answers of CIFAR-10H, cifar10h-raw.csv"
MILLISECONDS = 1e-3


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers in the file; of one that ends in .npy, the majority's."""
    if asked.rest.endswith(cifar10h_votes.SUFFIX):
        return cifar10h_votes.answers(asked)
    return joined(answers(asked.rest), asked)


def answers(path: str) -> Iterator[Answer]:
    """Those of a file, in its order.  Raises DataError naming the line of what is wrong."""
    for place, cells in read_rows(path, REQUIRED, EXPECTED):
        check = whole(cells["is_attn_check"], place, "is_attn_check") != 0
        if check:
            image = cells.get("image_filename", "")
            image = f"check {cells['trial_index']}" if image.lower() in NONE else image
        else:
            column = "cifar10_test_test_idx"
            image = key_text(whole(cells[column], place, column))
        guess = cells["chosen_category"]
        guess = "" if guess.lower() in NONE else guess
        yield Answer(
            image=image,
            judge=named(cells, "annotator_id", place),
            label=named(cells, "true_category", place),
            guess=guess,
            kind=HUMAN,
            condition=CLEAN,
            seconds=seconds(cells["reaction_time"], MILLISECONDS, place, "reaction_time"),
            order=whole(cells["trial_index"], place, "trial_index"),
            check=check,
            status="answered" if guess else "skipped",
            place=place,
        )
