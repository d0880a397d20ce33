"""What a run reads, when it evaluates its network and when it saves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from advlib.shards.order import Order
from advlib.shards.reader import ShardSet


@dataclass
class Evaluations:
    """On which images a run evaluates its averaged network, and after which epochs.

    test: of the learning curve, after the epochs `at`, 0 for before training; `images` of them,
    None for all.  validation: which choose the best checkpoint, every `validate_every` epochs.
    precision: that evaluations compute in, one of PRECISIONS.
    """

    test: ShardSet | None = None
    validation: ShardSet | None = None
    at: frozenset[int] = frozenset()
    images: int | None = None
    validate_every: int = 1
    precision: str = "fp32"

    def document(self) -> dict[str, Any]:
        """What decides the evaluations, as JSON."""
        digests = {name: getattr(self, name) for name in ("test", "validation")}
        return {
            **{name: shards and shards.digest for name, shards in digests.items()},
            "evaluate": sorted(self.at),
            "evaluate_images": self.images,
            "validate_every": self.validate_every,
            "eval_precision": self.precision,
        }


@dataclass
class Plan:
    """What a run reads, when it evaluates and saves.

    order, sets: the training images, as advlib.shards.batches.loader takes them.
    save_every, log_every: seconds; steps.  workers: processes that read, beside each rank.
    about: JSON for the header and the checkpoints, as history, data set and FID.
    """

    order: Order
    sets: Sequence[ShardSet]
    evaluations: Evaluations = field(default_factory=Evaluations)
    save_every: float = 600.0
    log_every: int = 50
    workers: int = 0
    about: dict = field(default_factory=dict)
