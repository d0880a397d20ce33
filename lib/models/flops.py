"""FLOPs: of a forward pass, of training on an image, of a whole run; one multiply-add is two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from advlib.errors import DataError
from advlib.models import zoo
from advlib.models.architecture import Architecture

if TYPE_CHECKING:
    from torch import nn

# FLOPs per parameter and image at 27 forward passes of the study's networks; App. B
STUDY_RATE = 7822.0
ATTACK_STEPS = 10  # of the attack in the study's training; Sec. 3.1


def training_forwards(attack_steps: int, loss: str = "trades") -> int:
    """Forward passes that a training step costs, per image; 27 for the study's 10 attack steps.

    loss: "trades": one for the clean logits; for each attack step a forward and the backward to the
    input; two forwards of the loss, and their backward passes to weights and maps, twice as dear
    (App. B).  "madry": the attack, and one forward and its backward.  "clean": those alone.
    """
    if loss == "trades":
        return 1 + 2 * attack_steps + 2 + 4
    return (2 * attack_steps if loss == "madry" else 0) + 1 + 2


def forward_flops(module: nn.Module, image_shape: Sequence[int] = (3, 32, 32)) -> int:
    """FLOPs of a forward pass per image, counted by PyTorch on the module itself.

    Counted are convolutions and matrix products, not batch norm, activations, additions and
    pooling (under 1 % of a WideResNet).  Nothing is computed or changed: weights and images
    are stood in for by tensors without memory, so any size of model can be counted.

    module: takes images (count, *image_shape).  image_shape: (channels, height, width).
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    named = [*module.named_parameters(), *module.named_buffers()]
    hollow = {name: torch.empty_like(tensor, device="meta") for name, tensor in named}
    # two images: batch norm in training mode refuses one value per channel
    images = torch.empty(2, *image_shape, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        torch.func.functional_call(module, hollow, (images,))
    return counter.get_total_flops() // 2


def flops_rows(
    models: Sequence[str],
    *,
    image_size: int = 32,
    classes: int = 10,
    attack_steps: int = ATTACK_STEPS,
    samples: Sequence[float] = (),
    budgets: Sequence[float] = (),
    count: Callable[[Architecture, int, int, int], tuple[int, int]] | None = None,
) -> Iterator[dict]:
    """A row for each model and each of `samples` or `budgets`; without both, for each model.

    models: names that zoo.parse reads.  image_size: pixels.  samples: training images, repeats
    included.  budgets: training FLOPs.  count: of a model, image size, classes and attack steps
    gives the FLOPs of a forward pass and of a step, as advlib.training.flops.counted does on the
    real ones; without it they follow from the closed form.

    Keys: model; params; forward_flops and step_flops per image; study_ratio, step_flops over
    the study's 7822 per parameter; and for a whole run samples and flops.

    Raises DataError for a model or an image size that cannot be built, and for both `samples` and
    `budgets`; and what `count` raises.
    """
    if samples and budgets:
        raise DataError("samples and budgets: found both; expected one of them")
    for model in [zoo.parse(name) for name in models]:
        forward = model.forward_flops(image_size, classes)
        step = training_forwards(attack_steps) * forward
        if count:
            forward, step = count(model, image_size, classes, attack_steps)
        params = model.parameters(classes)
        row = {
            "model": model.name,
            "params": params,
            "forward_flops": forward,
            "step_flops": step,
            "study_ratio": step / (STUDY_RATE * params),
        }
        yield from of_runs(row, samples, budgets)


def of_runs(
    row: dict, samples: Sequence[float] = (), budgets: Sequence[float] = ()
) -> Iterator[dict]:
    """The row, with its step_flops, for each run: of so many images, or for so many FLOPs."""
    step = row["step_flops"]
    if not (samples or budgets):
        yield row
    for images in samples:
        yield row | {"samples": round(images), "flops": float(step * images)}
    for budget in budgets:
        yield row | {"samples": round(budget / step), "flops": float(budget)}
