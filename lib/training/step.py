"""One step of training: attack the batch, then descend on its loss.

Source: Bartoldson et al. 2024, Sec. 3.1, after Zhang et al. 2019 (TRADES) and Madry et al. 2018,
with the details of the official code that shaped its results: attacks see the statistics of their
batch and leave the running ones alone; the clean and the attacked forward each update them; the
divergence sends gradients to both.  The clean logits are computed once and serve attack and loss:
the same numbers as twice, in less time.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from advlib.attacks import pgd
from advlib.attacks.losses import divergence
from advlib.jobs.cuda_graphs import Network
from advlib.training.batchnorm import batch_norms, running_statistics_kept
from advlib.training.recipe import Recipe


@dataclass(frozen=True)
class Outcome:
    """Of a batch: tensors on their device, so that nothing waits for them.

    loss: a scalar with its graph, the sum over images by the count of the whole batch.
    clean, robust: how many images are classified right as they are, and attacked; int64 scalars.
    """

    loss: Tensor
    clean: Tensor
    robust: Tensor


def outcome(
    model: nn.Module,
    inner: Network,
    images: Tensor,
    label: Tensor,
    noise: Tensor,
    recipe: Recipe,
    count: int,
) -> Outcome:
    """The loss of a batch, or of a rank's share of it, in training mode.

    model: what the loss goes through, which may gather gradients over ranks.  inner: the same
    network for the attack, of which gradients by images alone are asked.
    images: (b, c, h, w) in [0, 1].  label: (b,) int64.  noise: like images, uniform in [0, 1).
    count: images of the whole batch, by which losses are divided.
    """
    layers = batch_norms(model)

    def label_loss(logits: Tensor, smoothing: float = recipe.smoothing) -> Tensor:
        whole = functional.cross_entropy(logits, label, reduction="sum", label_smoothing=smoothing)
        return whole / count

    if recipe.loss == "clean":
        logits = model(images)
        loss = label_loss(logits)
        right = _count_right(logits, label)
        return Outcome(loss, right, right)
    begin = pgd.start(images, noise, recipe.eps)
    box = (images, begin, recipe.eps, recipe.step_size, recipe.attack_steps)
    if recipe.loss == "madry":
        with running_statistics_kept(layers):
            attacked = pgd.ascend(lambda x: label_loss(inner(x), 0.0), *box)
        logits = model(attacked)
        loss = label_loss(logits)
        right = _count_right(logits, label)
        return Outcome(loss, right, right)
    clean = model(images)
    target = clean.detach()
    with running_statistics_kept(layers):
        attacked = pgd.ascend(lambda x: divergence(target, inner(x)).sum() / count, *box)
    robust = model(attacked)
    # no detach: the divergence moves the clean predictions too
    shift = divergence(clean, robust).sum() / count
    loss = label_loss(clean) + recipe.beta * shift
    return Outcome(loss, _count_right(clean, label), _count_right(robust, label))


def _count_right(logits: Tensor, label: Tensor) -> Tensor:
    """How many images are classified right, an int64 scalar."""
    return (logits.detach().argmax(1) == label).sum()


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Parameters for SGD in two groups: with weight decay, and those of batch norm, without."""
    bare = {id(p) for layer in batch_norms(model) for p in layer.parameters()}
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if id(p) not in bare], "weight_decay": weight_decay},
        {"params": [p for p in parameters if id(p) in bare], "weight_decay": 0.0},
    ]


@torch.no_grad()
def copy_statistics(averaged: nn.Module, model: nn.Module) -> None:
    """Give the averaged network the running statistics of the model, by value."""
    for mine, its in zip(averaged.buffers(), model.buffers(), strict=True):
        mine.copy_(its)
