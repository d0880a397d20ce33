"""One process or many: ranks under torchrun, and what they add up."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from advlib.jobs.barrier import Barrier
from advlib.jobs.devices import choose_device

# of what ranks do at once; where their work is unequal they wait at the barrier
TIMEOUT = timedelta(minutes=30)
RANK, RANKS = "RANK", "WORLD_SIZE"  # variables that torchrun sets for each process


@dataclass(frozen=True)
class Ranks:
    """A process among `ranks`, and the device it computes on.

    barrier: where it waits for the others; None where it is alone.
    """

    rank: int
    ranks: int
    device: torch.device
    barrier: Barrier | None = None

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
        """Whether `flag` is true on any rank; waits for the device if there are several."""
        if self.ranks == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    def most(self, values: Sequence[float]) -> list[float]:
        """The largest of each of the values over all ranks, on each; waits for the device."""
        if self.ranks == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return found.tolist()

    def of_all(self, text: str) -> list[str]:
        """The texts of all ranks, in their order, on each."""
        if self.ranks == 1:
            return [text]
        found: list[str] = [""] * self.ranks
        distributed.all_gather_object(found, text)
        return found

    def wait(self, stop: Callable[[], None] = lambda: None) -> None:
        """Wait until all ranks have come here; CannotError where one gives no sign for long.

        stop: called as it waits, and may raise.
        """
        if self.barrier:
            self.barrier.wait(stop)

    def sign(self) -> None:
        """Say that this rank moves on, for those that wait for it; cheap."""
        if self.barrier:
            self.barrier.sign()

    def average_gradients(self, model: nn.Module) -> nn.Module:
        """The network wrapped so that gradients are averaged over all ranks."""
        if self.ranks == 1:
            return model
        options: dict = {"device_ids": [self.device.index]} if self.device.type == "cuda" else {}
        # running statistics are equal on all ranks; by default they would be sent at every forward
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        new = "forward_sync_buffers"  # its name from torch 2.13 on
        options[new if new in known else "broadcast_buffers"] = False
        return DistributedDataParallel(model, gradient_as_bucket_view=True, **options)


def join(device: str | None = None) -> Ranks:
    """Join the ranks that torchrun started, or be the only one.

    device: as `choose_device` takes it, which says what is raised.
    """
    chosen = choose_device(device)
    rank, ranks = int(os.environ.get(RANK, 0)), int(os.environ.get(RANKS, 1))
    if ranks == 1:
        return Ranks(rank, ranks, chosen)
    store, rank, ranks = next(rendezvous("env://", timeout=TIMEOUT))
    on_gpu = chosen.type == "cuda"
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=distributed.PrefixStore("group", store),
        rank=rank,
        world_size=ranks,
        timeout=TIMEOUT,
        # known from the start, no rank's first operation opens a context on another one's GPU
        device_id=chosen if on_gpu else None,
    )
    barrier = Barrier(distributed.PrefixStore("barrier", store), rank, ranks)
    return Ranks(rank, ranks, chosen, barrier)


def leave() -> None:
    """Leave the ranks, if any were joined."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
