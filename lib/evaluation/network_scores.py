"""How robust a network is: the study's evaluation, image by image.

PGD from a uniform start, 40 steps of 2/255 on the CW loss within 8/255, one restart, the last
iterate counts, in evaluation mode.  The adversarial loss is that of TRADES on what the attack made:
cross-entropy of the clean image plus 5 times KL(clean || attacked).

Source: Bartoldson et al. 2024, Sec. 3.1 and App. D; official code, Linf_PGD_40.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from advlib.attacks import pgd
from advlib.attacks.draws import Keyed
from advlib.attacks.losses import divergence
from advlib.attacks.oracle import Oracle
from advlib.attacks.pgd import Attack
from advlib.jobs.ranks import Ranks
from advlib.shards.feed import to_float
from advlib.shards.reader import ShardSet

BETA = 5.0
FIRST = (0, 0)  # the draw of the first start of advlib.attacks.pgd.pgd, so that verdicts agree


@dataclass(frozen=True)
class Scored:
    """A batch of b images, tensors on their device.

    clean, attacked: logits (b, k).  loss_clean, divergence: (b,) nats.
    """

    label: Tensor
    clean: Tensor
    attacked: Tensor
    loss_clean: Tensor
    divergence: Tensor


def attack_numbered(
    model: nn.Module, images: Tensor, label: Tensor, number: Tensor, how: Attack, seed: int
) -> Tensor:
    """The images after PGD in evaluation mode, from starts that seed and number alone decide.

    number: (b,) int64, of each image in its set.
    """
    lanes = torch.arange(len(images), device=images.device)
    noise = Keyed(seed, number).uniform(lanes, images.shape[1:], *FIRST)
    with evaluating(model):
        return pgd.climb(
            Oracle(model, batch=len(images)),
            images,
            label,
            pgd.start(images, noise, how.eps, how.norm),
            how,
        )


def score(model: nn.Module, images: Tensor, label: Tensor, attacked: Tensor | None) -> Scored:
    """What the network says of images, (b, c, h, w) in [0, 1], and of what an attack made of them.

    attacked: like images; None where there was no attack.
    """
    with evaluating(model), torch.no_grad():
        clean = model(images)
        robust = clean if attacked is None else model(attacked)
        return Scored(
            label,
            clean,
            robust,
            functional.cross_entropy(clean, label, reduction="none"),
            divergence(functional.softmax(clean, 1), robust),
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


def scored(
    model: nn.Module,
    shards: ShardSet,
    how: Attack | None,
    ranks: Ranks,
    seed: int = 0,
    batch: int = 512,
    most: int | None = None,
    tick: Callable[[int], None] = lambda n: None,
) -> Iterator[tuple[np.ndarray, Scored]]:
    """The images of a rank, attacked, with their numbers in the set.

    how: None to leave them as they are.  Noise depends on seed and image number alone, so the
    outcome on neither ranks nor batches.  most: take only the first so many.
    """
    count = min(len(shards), most or len(shards))
    for first in range(0, count, batch * ranks.ranks):
        last = min(first + batch * ranks.ranks, count)
        mine = np.arange(first, last)[ranks.rank :: ranks.ranks]
        tick(last - first)
        if not len(mine):
            continue
        chunk = shards.read(mine, fields=())
        images = to_float(torch.from_numpy(chunk.image).to(ranks.device))
        label = torch.from_numpy(chunk.label).to(ranks.device)
        attacked = None
        if how:
            position = torch.from_numpy(mine).to(ranks.device)
            attacked = attack_numbered(model, images, label, position, how, seed)
        yield mine, score(model, images, label, attacked)


def evaluate(
    model: nn.Module, shards: ShardSet, how: Attack | None, ranks: Ranks, **options
) -> dict[str, float]:
    """Means over a set: `images`, `clean_accuracy`, `clean_loss`, `accuracy`, `loss`.

    Accuracies are fractions; losses nats per image; `loss` is clean_loss + 5 KL(clean || attacked).
    """
    sums = torch.zeros(5, dtype=torch.float64)
    for _, found in scored(model, shards, how, ranks, **options):
        sums += torch.stack(
            [
                torch.tensor(float(len(found.label)), dtype=torch.float64),
                (found.clean.argmax(1) == found.label).sum().double().cpu(),
                found.loss_clean.double().sum().cpu(),
                (found.attacked.argmax(1) == found.label).sum().double().cpu(),
                found.divergence.double().sum().cpu(),
            ]
        )
    count, clean, clean_loss, robust, apart = ranks.sum(sums.to(ranks.device)).tolist()
    return {
        "images": int(count),
        "clean_accuracy": clean / count,
        "clean_loss": clean_loss / count,
        "accuracy": robust / count,
        "loss": (clean_loss + BETA * apart) / count,
    }
