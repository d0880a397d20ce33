"""How robust a network is on a set: the study's evaluation, image by image, and its means.

PGD from a uniform start, 40 steps of 2/255 on the CW loss within 8/255, one restart, the last
iterate counts, in evaluation mode.  The adversarial loss is that of TRADES on what the attack made:
cross-entropy of the clean image plus 5 times KL(clean || attacked).

Source: Bartoldson et al. 2024, Sec. 3.1 and App. D; official code, Linf_PGD_40.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from advlib.attacks import balls
from advlib.attacks.draws import Keyed
from advlib.attacks.losses import divergence
from advlib.attacks.oracle import NOT_FINITE, Logits, NotFiniteError, Oracle, finite, replayed
from advlib.attacks.pgd import start_and_climb
from advlib.attacks.settings import PGD
from advlib.errors import CannotError, DataError
from advlib.jobs.ranks import Ranks
from advlib.shards.augmentation import to_float
from advlib.shards.chunk import Chunk, take_images
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

BETA = 5.0
FIELD = "adversarial"  # of a set: its attacked images
Attacked = PGD | Literal["stored"] | None  # PGD, the attacked images of the set, or no attack


@dataclass(frozen=True)
class Scores:
    """What a network says of b images, tensors on their device.

    clean, attacked: logits (b, k).  loss_clean, divergence: (b,) nats.
    """

    label: Tensor
    clean: Tensor
    attacked: Tensor
    loss_clean: Tensor
    divergence: Tensor


@dataclass(frozen=True)
class Batch:
    """The images that a rank took at once.

    number: their places in the set, (b,) int64.  images: how many all ranks took at once.
    scores: None where this rank had none, as at the end of a set.
    """

    number: np.ndarray
    chunk: Chunk
    images: int
    scores: Scores | None


def attack_numbered(
    model: nn.Module,
    images: Tensor,
    label: Tensor,
    number: Tensor,
    how: PGD,
    seed: int,
    fast: Logits | None = None,
    name: str = "the network",
    called: Callable[[int], str] = str,
) -> Tensor:
    """The images after PGD in evaluation mode, from starts that seed and number alone decide.

    number: (b,) int64, of each image in its set.  fast, name, called: as Oracle takes them.
    Raises NotFiniteError for answers of the network that are no numbers.
    """
    with evaluating(model):
        oracle = Oracle(model, fast, batch=len(images), name=name, called=called)
        made = start_and_climb(oracle, images, label, Keyed(seed, number), how, number=number)
        oracle.check()
    balls.require_inside(images, made, how.norm, how.eps, number, "pgd")
    return made


def score(model: nn.Module, images: Tensor, label: Tensor, attacked: Tensor | None) -> Scores:
    """What the network says of images, (b, c, h, w) in [0, 1], and of what an attack made of them.

    attacked: like images; None where there was no attack.
    """
    with evaluating(model), torch.no_grad():
        clean = model(images)
        robust = clean if attacked is None else model(attacked)
        return Scores(
            label,
            clean,
            robust,
            functional.cross_entropy(clean, label, reduction="none"),
            divergence(clean, robust),
        )


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and no gradients of parameters; both as they were afterwards."""
    training, wanted = model.training, [p.requires_grad for p in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        model.train(training)
        for parameter, value in zip(model.parameters(), wanted, strict=True):
            parameter.requires_grad_(value)


def score_set(
    model: nn.Module,
    source: ShardSet | ShardStream,
    how: Attacked,
    ranks: Ranks,
    *,
    seed: int = 0,
    batch: int = 512,
    most: int | None = None,
    check: Callable[[Chunk], None] = lambda chunk: None,
    name: str = "the network",
) -> Iterator[Batch]:
    """The images of a set, attacked and scored; each rank gets its own.

    how: PGD; "stored" for the set's own attacked images; None to leave images as they are.
    Starts depend on seed and image number alone, so the outcome on neither ranks nor batches.
    batch: images a rank takes at once.  most: take only the first so many.
    check: called with the images of each batch before they are scored.  name: of the network, for
    messages.

    Raises DataError for stored images that are none and answers of the network that are no numbers
    (NotFiniteError), CannotError for a stream on several ranks.
    """
    fast = replayed(model)
    for number, chunk, images in _read(source, ranks, batch, most, how == "stored"):
        if not len(chunk):  # the last images may not reach all ranks
            yield Batch(number, chunk, images, None)
            continue
        check(chunk)
        keys = dict(zip(number.tolist(), chunk.key_texts(), strict=True))
        called = lambda at, keys=keys: f"{keys[at]} of {source.name}"  # noqa: E731
        # a copy: what a shard maps is read-only, which torch warns of
        image = to_float(torch.from_numpy(chunk.image.copy()).to(ranks.device))
        label = torch.from_numpy(chunk.label.copy()).to(ranks.device)
        attacked = None
        if how == "stored":
            attacked = _stored(chunk, ranks.device, source.name)
        elif how is not None:
            numbers = torch.from_numpy(number).to(ranks.device)
            attacked = attack_numbered(model, image, label, numbers, how, seed, fast, name, called)
        found = score(model, image, label, attacked)
        right = finite(found.clean) & finite(found.attacked)
        if not right.all():
            first = called(int(number[int(right.int().argmin())]))
            raise NotFiniteError(f"{name}: {NOT_FINITE['logits'].format(image=first)}")
        yield Batch(number, chunk, images, found)


def mean_scores(
    model: nn.Module, source: ShardSet, how: Attacked, ranks: Ranks, **options
) -> dict[str, float]:
    """Means over a set: `images`, `clean_accuracy`, `clean_loss`, `accuracy`, `loss`.

    Accuracies are fractions; losses nats per image; `loss` is clean_loss + 5 KL(clean || attacked).
    options: as of `score_set`.  Raises as it does; NotFiniteError on all ranks.
    """
    sums, worst = torch.zeros(5, dtype=torch.float64), ""
    try:
        for found in score_set(model, source, how, ranks, **options):
            if found.scores is not None:
                sums += _sums(found.scores)
    except NotFiniteError as err:
        worst = str(err)
    if worst := max(ranks.of_all(worst)):  # all stop together, where one does
        raise NotFiniteError(worst)
    count, clean, clean_loss, robust, apart = ranks.sum(sums.to(ranks.device)).tolist()
    return {
        "images": int(count),
        "clean_accuracy": clean / count,
        "clean_loss": clean_loss / count,
        "accuracy": robust / count,
        "loss": (clean_loss + BETA * apart) / count,
    }


def _sums(scores: Scores) -> Tensor:
    """Of b images: how many, right ones, losses, right ones attacked, divergences; (5,) float64."""
    return torch.stack(
        [
            torch.tensor(float(len(scores.label)), dtype=torch.float64),
            (scores.clean.argmax(1) == scores.label).sum().double().cpu(),
            scores.loss_clean.double().sum().cpu(),
            (scores.attacked.argmax(1) == scores.label).sum().double().cpu(),
            scores.divergence.double().sum().cpu(),
        ]
    )


def _read(
    source: ShardSet | ShardStream, ranks: Ranks, batch: int, most: int | None, stored: bool
) -> Iterator[tuple[np.ndarray, Chunk, int]]:
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
    for chunk in take_images(source.chunks(), most):
        for begin in range(0, len(chunk), batch):
            part = chunk.take(slice(begin, begin + batch))
            yield np.arange(number, number + len(part)), part, len(part)
            number += len(part)


def _stored(chunk: Chunk, device: torch.device, where: str) -> Tensor:
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
