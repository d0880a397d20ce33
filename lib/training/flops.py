"""FLOPs of a training step, counted by PyTorch on the step that training takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advlib.models.flops import forward_flops

if TYPE_CHECKING:
    from advlib.models.architecture import Architecture
    from advlib.models.network import Classifier
    from advlib.training.recipe import Recipe

COUNTED = 2  # images: batch norm in training mode refuses one value per channel


def step_flops(network: Classifier, recipe: Recipe) -> int:
    """FLOPs of a step per image: of the attack, the loss and its gradients, as `outcome` has them.

    Counted are convolutions and matrix products, not batch norm, activations, additions, pooling,
    the optimiser and the averaging.  The step runs on tensors without memory, so any size of
    network can be counted.

    network: on the device "meta", which no other tensor can be mixed with.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from advlib.training.step import outcome

    images = torch.empty(COUNTED, *network.shape, device="meta")
    label = torch.empty(COUNTED, dtype=torch.int64, device="meta")
    network.train()
    with FlopCounterMode(display=False) as counter:
        noise = torch.empty_like(images)
        # the counter's own hooks refuse the gradient of a module's input
        outcome(network, network.forward, images, label, noise, recipe, COUNTED).loss.backward()
    return counter.get_total_flops() // COUNTED


def counted(
    model: Architecture, image_size: int, classes: int, attack_steps: int
) -> tuple[int, int]:
    """FLOPs of a forward pass and of the study's TRADES step, per image of 3 channels.

    To what the step here does a forward pass is added: the study computes the clean predictions
    anew for the loss, and its tables and laws count that.
    """
    import torch

    from advlib.models.network import build
    from advlib.training.recipe import Recipe

    with torch.device("meta"):
        network = build(model, classes, image_size)
    forward = forward_flops(network, network.shape)
    step = step_flops(network, Recipe(1, batch=COUNTED, attack_steps=attack_steps))
    return forward, forward + step
