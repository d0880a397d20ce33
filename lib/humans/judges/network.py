"""A classifier as judge: a checkpoint, or a network of Python code.

Its guess is its most probable class, its confidence by whether the class is probable enough.  It
sees the same 8-bit pictures as people do.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.humans.judgements import HIGHER, LOW, Answer
from advlib.humans.judges import Asked
from advlib.humans.pictures import BOTH, Picture

COLUMN = "probability"  # of the guess, beside an Answer's columns

Probabilities = Callable[[np.ndarray], np.ndarray]


def judge(asked: Asked) -> Iterable[Answer]:
    """The answers of the network that `open_network` of the options opens for the set."""
    import torch
    from torch.nn import functional

    model, classes, device = asked.options["open_network"](asked.rest, asked.source)
    if classes != len(asked.classes):
        raise DataError(
            f"{asked.source.name}: {len(asked.classes)} classes; {asked.rest} has {classes}"
        )

    @torch.no_grad()
    def probabilities(pixels: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
        logits = model(images)
        if not torch.isfinite(logits).all():
            raise DataError(f"{asked.rest}: logits that are no numbers")
        return functional.softmax(logits.double(), 1).cpu().numpy()

    return judged(asked, probabilities)


def judged(asked: Asked, probabilities: Probabilities) -> Iterator[Answer]:
    """Answers by probabilities (n, classes) of pictures (n, height, width, channels) uint8.

    Options: batch, pictures at once; higher, the least probability of a confidence not low.
    """
    name, options = asked.name or _plain(asked), asked.options
    total = asked.source.count
    with asked.meter(total, 0) as tick:
        for part in _batches(asked.pictures(BOTH), options["batch"]):
            found = probabilities(np.stack([picture.pixels for picture in part]))
            for picture, row in zip(part, found, strict=True):
                guess = int(row.argmax())
                probable = float(row[guess])
                yield picture.answered(
                    name,
                    asked.classes[guess],
                    confidence=HIGHER if probable >= options["higher"] else LOW,
                    more={COLUMN: f"{probable:.6f}"},
                )
            tick(sum(picture.condition == part[0].condition for picture in part))


def _plain(asked: Asked) -> str:
    """The judge as it was named."""
    return asked.rest or asked.kind


def _batches(pictures: Iterable[Picture], size: int) -> Iterator[Sequence[Picture]]:
    rest: Any = iter(pictures)
    while part := list(islice(rest, size)):
        yield part
