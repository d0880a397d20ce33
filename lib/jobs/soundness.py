"""Whether what a run would keep is finite, and the error where it is not."""

from collections.abc import Iterable

import torch
from torch import Tensor

from advlib.errors import CannotError


class DivergedError(CannotError):
    """A loss, weights or answers of a run are no finite numbers."""

    def __init__(self, what: str):
        super().__init__(f"{what}: a smaller --lr, in another folder, may help")


@torch.no_grad()
def all_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether all numbers in all tensors are finite, a truth value on their device."""
    floating = [t for t in tensors if t.is_floating_point() and t.numel()]
    if not floating:
        return torch.tensor(True)
    largest = torch._foreach_norm(floating, float("inf"))
    return torch.stack([value.double() for value in largest]).isfinite().all()


def finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all numbers in all tensors are finite; waits for the device once."""
    return bool(all_finite(tensors))


def state_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """The tensors that an optimiser keeps, as momenta."""
    kept = [value for state in optimiser.state.values() for value in state.values()]
    return [value for value in kept if isinstance(value, Tensor)]
