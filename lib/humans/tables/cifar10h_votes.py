"""cifar10h:FILE.npy, how many people, or which share of them, chose each class: their majority.

FILE is cifar10h-counts.npy or cifar10h-probs.npy, a row for each of the 10,000 test images and a
column for each class.  People are not told apart in it, so that they are one judge, whose
confidence is higher where at least half of them agree.

Source: as of advlib.humans.tables.cifar10h.
"""

from collections.abc import Iterator

import numpy as np

from advlib.errors import DataError
from advlib.humans.judgements import CLEAN, HIGHER, HUMAN, LOW, Answer, picture_digest
from advlib.humans.judges import Asked
from advlib.humans.pictures import pictures
from advlib.shards.key_table import unpadded
from advlib.shards.sources.cifar import CIFAR10_NAMES

SUFFIX = ".npy"
NAME = "cifar10h"
MOST = 0.5  # share of people from which their confidence counts as higher


def answers(asked: Asked) -> Iterator[Answer]:
    """The majority's answer to each clean image of the set that is named, keyed by its number in
    the test set; where two classes share the lead there is none.

    Raises DataError for what is no such file, without a set, and for images it does not know.
    """
    votes = _read(asked.rest)
    if not asked.options.get("sets"):
        raise DataError(f"{asked.rest}: holds no labels; name the set of CIFAR-10's test images")
    for picture in pictures(asked.source, (CLEAN,), asked.classes):
        number = unpadded(picture.image)
        if not number.isdecimal() or int(number) >= len(votes):
            raise DataError(
                f"{asked.source.name}: image {picture.image!r:.40}; {asked.rest} has numbers from 0"
                f" to {len(votes) - 1}"
            )
        row = votes[int(number)]
        first = np.flatnonzero(row == row.max())
        share = float(row.max() / row.sum())
        guess = CIFAR10_NAMES[first[0]] if len(first) == 1 else ""
        yield Answer(
            image=picture.image,
            judge=NAME,
            label=picture.label,
            guess=guess,
            kind=HUMAN,
            condition=CLEAN,
            prediction=picture.prediction,
            confidence=(HIGHER if share >= MOST else LOW) if guess else "",
            status="answered" if guess else "skipped",
            picture=picture_digest(picture.pixels.tobytes()),
            more={"share": f"{share:.6g}"},
        )


def _read(path: str) -> np.ndarray:
    """(n, 10) numbers from 0, of which each row has some."""
    try:
        votes = np.load(path, allow_pickle=False)
    except OSError as err:
        raise DataError(f"{path}: {err.strerror or 'cannot be read'}") from err
    except (ValueError, EOFError) as err:
        raise DataError(f"{path}: no array of NumPy: {err}") from None
    if votes.ndim != 2 or votes.shape[1] != len(CIFAR10_NAMES) or votes.dtype.kind not in "iuf":
        raise DataError(
            f"{path}: {votes.dtype} of shape {votes.shape}; expected numbers of shape (images, 10)"
        )
    wrong = ~np.isfinite(votes).all(1) | (votes < 0).any(1) | (votes.sum(1) <= 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{path}: row {at} is {votes[at].tolist()}; expected votes from 0, not all 0"
        )
    return votes
