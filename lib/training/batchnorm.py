"""Batch norm in training: its layers, their statistics, and one batch shared by many ranks.

The statistics of a batch normalise it in training; running ones, averaged over batches, replace
them in evaluation.
"""

import contextlib
from collections.abc import Iterator
from typing import cast

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from advlib.jobs.ranks import Ranks
from advlib.models.network import Network


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The batch-norm layers of a network."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


@contextlib.contextmanager
def running_statistics_kept(layers: list[_BatchNorm]) -> Iterator[None]:
    """Leave running statistics as they are, while batches are normalised by their own."""
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def over_all_ranks(model: Network, ranks: Ranks) -> Network:
    """The network with batch norm over the images of all ranks; in place, names as they were."""
    if ranks.ranks == 1:
        return model
    if ranks.device.type == "cuda":
        return cast(Network, nn.SyncBatchNorm.convert_sync_batchnorm(model))
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.to(child.weight)  # its dtype and device
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)
    return model


class SumOverRanks(torch.autograd.Function):
    """A sum over ranks whose gradient is one too: each rank's loss depends on all terms."""

    @staticmethod
    def forward(context, values: Tensor) -> Tensor:
        out = values.clone()
        distributed.all_reduce(out)
        return out

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        out = gradient.clone()
        distributed.all_reduce(out)
        return out


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the images of all ranks on CPUs, where torch's own does not work."""

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training:
            return super().forward(maps)
        axes = (0, 2, 3)
        count = torch.full((1,), float(maps.numel() // maps.shape[1]))
        total = cast(Tensor, SumOverRanks.apply(torch.cat([maps.sum(axes), count])))
        mean = total[:-1] / total[-1]
        centred = maps - mean[:, None, None]
        variance = SumOverRanks.apply((centred * centred).sum(axes)) / total[-1]
        if self.track_running_stats:
            self._update_running(mean, variance * total[-1] / (total[-1] - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]

    @torch.no_grad()
    def _update_running(self, mean: Tensor, unbiased: Tensor) -> None:
        """Move the running statistics towards a batch's mean and unbiased variance, (c,) each."""
        if (
            self.running_mean is None
            or self.running_var is None
            or self.num_batches_tracked is None
            or self.momentum is None
        ):
            raise ValueError("batch norm without running statistics")
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased, self.momentum)
        self.num_batches_tracked += 1
