"""Whether a network in training is fit to be kept: its weights and its answers are finite."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from advlib.jobs.soundness import finite, state_of
from advlib.training.batchnorm import batch_norms, running_statistics_kept


@torch.no_grad()
def what_is_not_finite(
    model: nn.Module, averaged: nn.Module, optimiser: Optimizer, images: Tensor
) -> str:
    """What of a run is not finite, in words; "" where all is.

    Logits count too: weights can be numbers, and so large that no forward pass gives one.
    model: in training mode, asked by the statistics of the batch, as the next step asks it.
    averaged: in evaluation mode.  images: (b, c, h, w) in [0, 1], the last batch.
    """
    networks: Mapping[str, nn.Module] = {"the network": model, "the averaged network": averaged}
    for name, network in networks.items():
        if not finite(network.state_dict().values()):
            return f"weights of {name} are not finite"
    if not finite(state_of(optimiser)):
        return "momenta of the optimiser are not finite"
    with running_statistics_kept(batch_norms(model)):
        for name, network in networks.items():
            if not finite([network(images)]):
                return f"logits of {name} are not finite"
    return ""
