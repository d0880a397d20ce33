"""One process or many: ranks under torchrun, what they add up, and batch norm over all of them."""

import ctypes
import inspect
import os
import platform
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from advlib.errors import CannotError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
# a rank may attack for hours before the others' work is done; torchrun ends them if one dies
PATIENCE = timedelta(days=7)
RANK, RANKS, LOCAL = "RANK", "WORLD_SIZE", "LOCAL_RANK"  # what torchrun says to each process


@dataclass(frozen=True)
class Ranks:
    """A process among `ranks`, and the device it computes on."""

    rank: int
    ranks: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether it is this process that writes the files."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of `values` over all ranks, on each."""
        if self.ranks > 1:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether it is so on any rank; waits for the device if there are several."""
        if self.ranks == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    def wait(self) -> None:
        """Until all ranks are here."""
        if self.ranks > 1:
            distributed.barrier()

    def share(self, model: nn.Module) -> nn.Module:
        """A network whose gradients, and whose batch norm where it has any, are of all ranks."""
        if self.ranks == 1:
            return model
        options: dict = {"device_ids": [self.device.index]} if self.device.type == "cuda" else {}
        # running statistics are alike on all ranks, and sent around at every forward otherwise
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        new = "forward_sync_buffers"  # its name from torch 2.13 on
        options[new if new in known else "broadcast_buffers"] = False
        return DistributedDataParallel(model, gradient_as_bucket_view=True, **options)


def join(device: str | None = None) -> Ranks:
    """Join the ranks that torchrun started, or be the only one.

    device: "cpu", "cuda" or "cuda:1"; None for a GPU where there is one.
    Raises CannotError where a GPU is asked for and there is none.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device and device.startswith("cuda") and not count:
        raise CannotError(f"device {device}: no GPU is here; leave --device out, or say cpu")
    rank, ranks = int(os.environ.get(RANK, 0)), int(os.environ.get(RANKS, 1))
    if device in (None, "cuda"):
        device = f"cuda:{int(os.environ.get(LOCAL, 0)) % count}" if count else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise CannotError(f"device {device!r}: expected cpu, cuda or cuda:1") from None
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if ranks > 1 and not distributed.is_initialized():
        distributed.init_process_group(
            "nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE
        )
    return Ranks(rank, ranks, chosen)


def exact_floats() -> None:
    """No TF32 on a GPU: outcomes shall not depend on the device more than they must."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def keep_memory() -> None:
    """Have the C library keep freed memory for the next step instead of giving it back.

    Activations of megabytes are freed and taken again at every layer; on CPUs their pages would be
    mapped and cleared anew each time.  Only glibc knows these settings; elsewhere nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 25)  # the most that glibc takes
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def leave() -> None:
    """Leave the ranks, if any were joined."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def synchronised(model: nn.Module, ranks: Ranks) -> nn.Module:
    """The network with batch norm over the images of all ranks; in place, names as they were."""
    if ranks.ranks == 1:
        return model
    if ranks.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.to(child.weight)  # the kind of its numbers
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)
    return model


class _Sum(torch.autograd.Function):
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
        total = _Sum.apply(torch.cat([maps.sum(axes), count]))
        mean = total[:-1] / total[-1]
        apart = maps - mean[:, None, None]
        variance = _Sum.apply((apart * apart).sum(axes)) / total[-1]
        if self.track_running_stats:
            with torch.no_grad():
                unbiased = variance * total[-1] / (total[-1] - 1)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(unbiased, self.momentum)
                self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return apart * scale[:, None, None] + self.bias[:, None, None]
