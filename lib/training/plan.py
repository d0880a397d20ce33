"""What a run reads, when it evaluates its network and when it saves."""

from dataclasses import dataclass, field
from typing import Any

from advlib.shards.reader import ShardSet
from advlib.shards.reading_plan import ReadingPlan


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
class Plan(ReadingPlan):
    """What a run reads, when it evaluates and saves; `about` has the FID of its images too."""

    evaluations: Evaluations = field(default_factory=Evaluations)
