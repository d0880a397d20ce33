"""How good a classifier is on a set, image by image, and what that sums to.

Accuracies with Wilson's 95 % intervals; the TRADES test loss; the expected calibration error (Guo
et al. 2017): over 15 bins of equal width of the confidence, which is the highest probability, the
mean distance of confidence from accuracy, weighted by the images of a bin.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as functional
from torch import Tensor

from advlib.attacks.pgd import Attack
from advlib.errors import CannotError, DataError
from advlib.evaluation.network_scores import BETA, attack_numbered, score
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.models.network import Classifier
from advlib.numbers import wilson
from advlib.shards.chunk import Chunk, first, key_text
from advlib.shards.feed import to_float
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

STORED = "stored"  # an attack that was made before: the field `adversarial` of the set
FIELD = "adversarial"
BINS = 15


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


def check(source: ShardSet | ShardStream, model: Classifier, stored: bool) -> None:
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
    how: Attack | str | None,
    ranks: Ranks,
    *,
    seed: int = 0,
    batch: int = 512,
    most: int | None = None,
    name: str = "the network",
    tick: Callable[[int], None] = lambda count: None,
) -> Iterator[Outcomes]:
    """The images of a set in order, as soon as they are judged; on other ranks than 0, nothing.

    model: on the device of `ranks`.  how: PGD; STORED for the set's own attacked images; None for
    no attack.  seed: of the starts, with an image's number.  batch: images a rank takes at once.
    most: take only the first so many.  name: of the checkpoint, for messages.

    Raises DataError for what `check` refuses, labels the model does not know, logits that are no
    numbers and damaged shards; CannotError for a stream on several ranks and where memory ends.
    """
    check(source, model, how == STORED)
    for number, chunk, count in _batches(source, ranks, batch, most, how == STORED):
        with enough_memory(f"out of memory with --batch {batch}: take a smaller one"):
            mine = _judged(model, chunk, number, how, ranks.device, seed, name, source.name)
        parts = _gathered(mine, ranks)
        tick(count)
        if parts:
            yield _merged(parts)


def _batches(source, ranks: Ranks, batch: int, most: int | None, stored: bool) -> Iterator[tuple]:
    """The images of this rank in turn: numbers, Chunk, and how many images all ranks take."""
    if isinstance(source, ShardSet):
        total, each = min(len(source), most or len(source)), batch * ranks.ranks
        for begin in range(0, total, each):
            numbers = np.arange(begin, min(begin + each, total))
            mine = numbers[ranks.rank :: ranks.ranks]
            yield mine, source.read(mine, fields=(FIELD,) if stored else ()), len(numbers)
        return
    if ranks.ranks > 1:
        raise CannotError(f"{source.name}: a stream goes to one rank; name the files of the set")
    number = 0
    for chunk in first(source.chunks(), most or math.inf):
        for begin in range(0, len(chunk), batch):
            part = chunk.take(slice(begin, begin + batch))
            yield np.arange(number, number + len(part)), part, len(part)
            number += len(part)


def _judged(
    model: Classifier,
    chunk: Chunk,
    number: np.ndarray,
    how,
    device,
    seed: int,
    name: str,
    where: str,
) -> Outcomes:
    if len(chunk) and int(chunk.label.max()) >= model.classes:
        at = int(chunk.label.argmax())
        raise DataError(
            f"{where}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; {name} has"
            f" {model.classes} classes"
        )
    keys = np.array([key_text(key) for key in chunk.key.tolist()], object)
    if not len(chunk):  # the last images may not reach all ranks
        none, real = np.empty(0, np.int64), np.empty(0)
        return Outcomes(number, keys, none, none, real, real, none, real, real)
    # a copy: what a shard maps is read-only, which torch warns of
    images = to_float(torch.from_numpy(chunk.image.copy()).to(device))
    label = torch.from_numpy(chunk.label.copy()).to(device)
    if how == STORED:
        attacked = _stored(chunk, device, where)
    elif how:
        numbers = torch.from_numpy(number).to(device)
        attacked = attack_numbered(model, images, label, numbers, how, seed)
    else:
        attacked = None
    found = score(model, images, label, attacked)
    sound = (found.clean.isfinite() & found.attacked.isfinite()).all(1)
    if not sound.all():
        at = int(sound.int().argmin())
        raise DataError(f"{name}: its logits for image {keys[at]} of {where} are no finite numbers")
    clean, attacked = (_guesses(logits) for logits in (found.clean, found.attacked))
    values = (
        found.label,
        clean[0],
        found.loss_clean,
        clean[1],
        attacked[0],
        found.loss_clean + BETA * found.divergence,
        attacked[1],
    )
    return Outcomes(number, keys, *(_array(value) for value in values))


def _guesses(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Class (as argmax takes it, like the study's accuracy) and its probability."""
    guess = logits.argmax(1)
    return guess, functional.softmax(logits, 1).gather(1, guess[:, None])[:, 0]


def _array(value: Tensor) -> np.ndarray:
    return value.to(torch.float64 if value.is_floating_point() else torch.int64).cpu().numpy()


def _stored(chunk: Chunk, device, where: str) -> Tensor:
    """The attacked images of a set, (b, c, h, w) float32 in [0, 1]."""
    values = chunk.fields[FIELD]
    if values.shape != chunk.image.shape or values.dtype not in (np.uint8, np.float32):
        raise DataError(
            f"{where}: field {FIELD}: found {values.dtype} {values.shape[1:]}; expected float32 or"
            f" uint8 {chunk.image.shape[1:]}"
        )
    tensor = torch.from_numpy(values.copy()).to(device)
    if values.dtype == np.uint8:
        return to_float(tensor)
    inside = (tensor >= 0) & (tensor <= 1)
    if not inside.all():
        at = int(inside.flatten(1).all(1).int().argmin())
        raise DataError(f"{where}: field {FIELD} of image {chunk.key_texts()[at]}: not in [0, 1]")
    return tensor.permute(0, 3, 1, 2).contiguous()


def _gathered(mine: Outcomes, ranks: Ranks) -> list[Outcomes]:
    """What all ranks have, on rank 0; nothing on the others."""
    if ranks.ranks == 1:
        return [mine]
    parts = [None] * ranks.ranks if ranks.first else None
    distributed.gather_object(mine, parts)
    return parts or []


def _merged(parts: list[Outcomes]) -> Outcomes:
    whole = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Outcomes)]
    order = np.argsort(whole[0])
    return Outcomes(*(values[order] for values in whole))


class Tally:
    """Sums over outcomes: what the rows of a score are made of."""

    def __init__(self, classes: int, attacked: bool):
        """Begin with nothing.

        classes: a count.  attacked: whether there was an attack; else its columns are None.
        """
        self.attacked = attacked
        self.clean = np.zeros((classes, classes), np.int64)  # by label and guess
        self.robust = np.zeros((classes, classes), np.int64)
        self.clean_loss, self.loss = np.zeros(classes), np.zeros(classes)  # sums by label
        self._bins = np.zeros((3, BINS))  # images, right ones, sum of confidences

    def add(self, found: Outcomes) -> None:
        """Count more images."""
        np.add.at(self.clean, (found.label, found.clean_guess), 1)
        np.add.at(self.robust, (found.label, found.guess), 1)
        np.add.at(self.clean_loss, found.label, found.clean_loss)
        np.add.at(self.loss, found.label, found.loss)
        # bins are open below and closed above, as Guo et al. have them
        at = np.clip(np.ceil(found.clean_confidence * BINS).astype(int) - 1, 0, BINS - 1)
        right = found.clean_guess == found.label
        for sums, values in zip(self._bins, (1, right, found.clean_confidence), strict=True):
            np.add.at(sums, at, values)

    @property
    def images(self) -> int:
        """How many were counted."""
        return int(self.clean.sum())

    def total(self) -> dict:
        """Over all images: counts, accuracies, losses, calibration."""
        return self._row(slice(None)) | {"calibration_error": self.calibration_error()}

    def per_class(self, names=None) -> list[dict]:
        """The same for each class that has images, by its number, and name where it has one."""
        return [
            {"class": k, "name": names[k] if names else None, **self._row(slice(k, k + 1))}
            for k in np.flatnonzero(self.clean.sum(1)).tolist()
        ]

    def confusion(self) -> list[dict]:
        """Each pair of label and guess that occurs; guesses on attacked images if there are any."""
        matrix = self.robust if self.attacked else self.clean
        return [
            {"label": int(label), "guess": int(guess), "count": int(matrix[label, guess])}
            for label, guess in np.argwhere(matrix)
        ]

    def calibration_error(self) -> float:
        """Expected calibration error of the clean images, 0 to 1."""
        _, right, confidence = self._bins
        return float(np.abs(right - confidence).sum() / self.images)

    def _row(self, which: slice) -> dict:
        count = int(self.clean[which].sum())
        row = {"images": count} | _accuracy("clean_accuracy", self.clean, which, count)
        row["clean_loss"] = float(self.clean_loss[which].sum() / count)
        robust = _accuracy("accuracy", self.robust, which, count)
        robust["loss"] = float(self.loss[which].sum() / count)
        return row | (robust if self.attacked else dict.fromkeys(robust))


def _accuracy(name: str, matrix: np.ndarray, which: slice, count: int) -> dict:
    right = int(matrix.diagonal()[which].sum())
    low, high = wilson(right, count)
    return {name: right / count, f"{name}_low": low, f"{name}_high": high}
