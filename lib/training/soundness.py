"""Whether a network in training is fit to be kept: its weights and its answers are finite."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from advlib.errors import CannotError
from advlib.training.batchnorm import batch_norms, running_statistics_kept


class DivergedError(CannotError):
    """A loss, weights or logits of a run are no finite numbers."""

    def __init__(self, what: str):
        super().__init__(f"{what}: a smaller --lr, in another folder, may help")


@torch.no_grad()
def finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all numbers in all tensors are finite; waits for the device once."""
    floating = [t for t in tensors if t.is_floating_point() and t.numel()]
    if not floating:
        return True
    largest = torch._foreach_norm(floating, float("inf"))
    return bool(torch.stack([value.double() for value in largest]).isfinite().all())


@torch.no_grad()
def what_is_not_finite(
    model: nn.Module, averaged: nn.Module, optimiser: Optimizer, images: Tensor
) -> str:
    """What of a run is not finite, in words; "" where all is.

    Logits count too: weights can be numbers, and so large that no forward pass gives one.
    model: in training mode, asked by the statistics of the batch, as the next step asks it.
    averaged: in evaluation mode.  images: (b, c, h, w) in [0, 1], the last batch.
    """
    kept = [value for state in optimiser.state.values() for value in state.values()]
    momenta = [value for value in kept if isinstance(value, Tensor)]
    networks: Mapping[str, nn.Module] = {"the network": model, "the averaged network": averaged}
    for name, network in networks.items():
        if not finite(network.state_dict().values()):
            return f"weights of {name} are not finite"
    if not finite(momenta):
        return "momenta of the optimiser are not finite"
    with running_statistics_kept(batch_norms(model)):
        for name, network in networks.items():
            if not finite([network(images)]):
                return f"logits of {name} are not finite"
    return ""
