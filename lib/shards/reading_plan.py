"""What a training run reads, and how often it saves and reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from advlib.jobs.ranks import Ranks
from advlib.shards.batches import Batch, ImageSet, loader
from advlib.shards.order import Order


@dataclass
class ReadingPlan:
    """What a run reads, and how often it saves and reports.

    order, sets: the training images, as `loader` takes them.
    save_every, log_every: seconds; steps.  workers: processes that read, beside each rank.
    about: JSON for the header and the checkpoints, as history and data set.
    """

    order: Order
    sets: Sequence[ImageSet]
    save_every: float = 600.0
    log_every: int = 50
    workers: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    def batches(self, start: int, ranks: Ranks) -> Iterator[Batch]:
        """The part of this rank of every batch, from batch `start` on."""
        return loader(
            self.order,
            self.sets,
            start=start,
            rank=ranks.rank,
            ranks=ranks.ranks,
            workers=self.workers,
        )

    def images_until(self, step: int) -> int:
        """Images that so many steps have seen, over all ranks."""
        return min(step * self.order.batch_size, self.order.images)
