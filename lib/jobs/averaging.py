"""Averages of a network's weights over the steps of its training."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the model's: decay of them stay."""
    kept: list[Tensor] = [*averaged.parameters()]
    new: list[Tensor] = [*model.parameters()]
    torch._foreach_mul_(kept, decay)
    torch._foreach_add_(kept, new, alpha=1 - decay)
