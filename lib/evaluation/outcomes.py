"""How a classifier fares on a set, image by image: guesses, TRADES losses, confidences."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as functional
from torch import Tensor

from advlib.errors import DataError
from advlib.evaluation.scores import BETA, FIELD, Attacked, Batch, score_set
from advlib.jobs.agreement import require_same_work
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.models.network import Classifier
from advlib.shards.chunk import Chunk, key_text
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream


@dataclass(frozen=True)
class Outcomes:
    """n images: arrays (n,).

    number: place in the set, int64.  key: text, objects.  label, clean_guess, guess: classes,
    int64; `guess` is of the attacked image.  clean_loss, loss: nats; `loss` is that of TRADES,
    clean_loss + 5 KL(clean || attacked).  clean_confidence, confidence: of the guesses, 0 to 1.
    Without an attack the last of each are the clean ones.
    """

    number: np.ndarray
    key: np.ndarray
    label: np.ndarray
    clean_guess: np.ndarray
    clean_loss: np.ndarray
    clean_confidence: np.ndarray
    guess: np.ndarray
    loss: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def take(self, which: np.ndarray) -> "Outcomes":
        """The images where the mask `which` (n,) holds."""
        return Outcomes(*(getattr(self, each.name)[which] for each in fields(self)))


def check_images(source: ShardSet | ShardStream, model: Classifier, stored: bool = False) -> None:
    """DataError unless the model takes the set's images and knows just its classes.

    stored: whether the set must hold attacked images.
    """
    height, width, channels = source.shape
    if (channels, height, width) != model.shape:
        c, h, w = model.shape
        raise DataError(
            f"{source.name}: images of {height}x{width}x{channels}; {model.model.name} takes"
            f" {h}x{w}x{c}"
        )
    # a set without names may count only the classes that it happens to hold
    classes = source.classes
    if classes and (classes > model.classes or (source.class_names and classes < model.classes)):
        raise DataError(f"{source.name}: {classes} classes; {model.model.name} has {model.classes}")
    if stored and FIELD not in source.fields:
        found = ", ".join(source.fields) or "none"
        raise DataError(
            f"{source.name}: no field {FIELD}; expected attacked images (fields: {found})"
        )


def outcomes(
    model: Classifier,
    source: ShardSet | ShardStream,
    how: Attacked,
    ranks: Ranks,
    *,
    seed: int = 0,
    batch: int = 512,
    most: int | None = None,
    name: str = "the network",
) -> Iterator[Outcomes]:
    """The images of a set in order, as soon as they are scored; on ranks other than 0, none.


    model: on the device of `ranks`.  how, seed, batch, most: as of scores.score_set.  name: of the
    checkpoint, for messages.

    Raises DataError for what `check_images` refuses, labels the model does not know, logits that
    are no numbers and damaged shards; CannotError for a stream on several ranks and where memory
    ends.
    """
    check_images(source, model, how == "stored")
    if ranks.ranks > 1 and isinstance(source, ShardSet):
        require_same_work({"set": source.digest}, ranks)

    def check(chunk: Chunk) -> None:
        if int(chunk.label.max()) >= model.classes:
            at = int(chunk.label.argmax())
            raise DataError(
                f"{source.name}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; {name}"
                f" has {model.classes} classes"
            )

    batches = score_set(
        model, source, how, ranks, seed=seed, batch=batch, most=most, check=check, name=name
    )
    while True:
        with enough_memory(f"out of memory with --batch {batch}: take a smaller one"):
            found = next(batches, None)
            if found is None:
                return
            mine = _outcomes(found)
        if parts := _gathered(mine, ranks):
            yield _merged(parts)


def _outcomes(batch: Batch) -> Outcomes:
    """What the scores of a batch say of each image."""
    found, number = batch.scores, batch.number
    keys = np.array([key_text(key) for key in batch.chunk.key.tolist()], object)
    if found is None:
        none, real = np.empty(0, np.int64), np.empty(0)
        return Outcomes(
            number=number,
            key=keys,
            label=none,
            clean_guess=none,
            clean_loss=real,
            clean_confidence=real,
            guess=none,
            loss=real,
            confidence=real,
        )
    clean, attacked = (_guesses(logits) for logits in (found.clean, found.attacked))
    return Outcomes(
        number=number,
        key=keys,
        label=_array(found.label),
        clean_guess=_array(clean[0]),
        clean_loss=_array(found.loss_clean),
        clean_confidence=_array(clean[1]),
        guess=_array(attacked[0]),
        loss=_array(found.loss_clean + BETA * found.divergence),
        confidence=_array(attacked[1]),
    )


def _guesses(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Class (as argmax takes it, like the study's accuracy) and its probability."""
    guess = logits.argmax(1)
    return guess, functional.softmax(logits, 1).gather(1, guess[:, None])[:, 0]


def _array(value: Tensor) -> np.ndarray:
    return value.to(torch.float64 if value.is_floating_point() else torch.int64).cpu().numpy()


def _gathered(mine: Outcomes, ranks: Ranks) -> list[Outcomes]:
    """What all ranks have, on rank 0; nothing on the others."""
    if ranks.ranks == 1:
        return [mine]
    parts: list[Outcomes] | None = [mine] * ranks.ranks if ranks.first else None
    distributed.gather_object(mine, parts)
    return parts or []


def _merged(parts: list[Outcomes]) -> Outcomes:
    whole = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Outcomes)]
    order = np.argsort(whole[0])
    return Outcomes(*(values[order] for values in whole))
