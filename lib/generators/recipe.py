"""The hyperparameters of a generator's training, each declared once; no torch here.

What is not given is EDM's for CIFAR-10.  Sources: Karras et al. 2022, App. F.1 and Tables 7 and 8;
Xu et al. 2023 (PFGM++), App. E.
"""

import math
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.jobs.precision import PRECISIONS
from advlib.settings import check, document, setting, when

KINDS = ("edm", "pfgmpp")
WARMUP, WARMUP_SHARE = 10e6, 0.05  # images; of the run, in shorter ones
SNAPSHOTS = 10  # of a run
MOST_SAMPLES = 1e15  # of which the order of reading still counts in whole numbers
LARGEST = 1e30  # of rates, which float32 still multiplies


@dataclass(frozen=True)
class TrainingRecipe:
    """What the training loop needs; a run sees whole batches, so up to one more than `samples`.

    Raises DataError for values outside their ranges, and for those that change nothing.
    """

    samples: float = setting(
        200e6, "Images to see, repeats included, as 5M.", low=1, high=MOST_SAMPLES
    )
    batch: int = setting(512, "Images a step, over all ranks.", low=1)
    lr: float = setting(
        1e-3, "Learning rate of Adam, after its rise.", low=0, high=LARGEST, above=True
    )
    warmup: float = setting(
        None,
        "Images over which the learning rate rises from 0.",
        low=0,
        high=MOST_SAMPLES,
        usual="10M, or a twentieth of a shorter run",
    )
    half_life: tuple[float, ...] = setting(
        (500e3,),
        "Half-life of the averaged weights, in images; may be repeated, for a checkpoint each.",
        low=0,
        high=MOST_SAMPLES,
        usual="500k",
        metavar="N",
    )
    rampup: float = setting(
        0.05, "Share of the images seen so far that a half-life is at most.", low=0, high=LARGEST
    )
    weight_decay: float = setting(0.0, "Weight decay of Adam.", low=0, high=LARGEST)
    snapshot_every: float = setting(
        None,
        "Images between snapshots: a sheet of samples, and the averaged weights.",
        low=1,
        high=MOST_SAMPLES,
        usual="a tenth of the run",
    )
    keep_snapshots: bool = setting(
        False, "Keep the weights of every snapshot, not of the last alone.", flag=True
    )
    seed: int = setting(0, "Random seed, kept in the output.", low=0)
    precision: str = setting("fp32", "Of convolutions and matrix products.", choices=PRECISIONS)
    compile: bool = setting(False, "Compile the network with torch.compile.")

    def __post_init__(self):
        check(self)
        if len({f"{length:.0f}" for length in self.half_life}) < max(1, len(self.half_life)):
            raise DataError("half_life: found one twice, or none; expected different numbers")
        self._default("warmup", min(WARMUP, WARMUP_SHARE * self.samples))
        self._default("snapshot_every", max(1.0, self.samples / SNAPSHOTS))

    def _default(self, name: str, value: float) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    @property
    def steps(self) -> int:
        """How many steps the run has."""
        return math.ceil(self.samples / self.batch)

    @property
    def images(self) -> int:
        """How many images the run sees."""
        return self.steps * self.batch

    def rate(self, seen: int) -> float:
        """The learning rate after `seen` images."""
        return self.lr * min(1.0, seen / self.warmup) if self.warmup else self.lr

    def decay(self, half_life: float, seen: int) -> float:
        """The share of an average that stays in the step after `seen` images."""
        length = min(half_life, self.rampup * seen)
        return 0.5 ** (self.batch / length) if length else 0.0

    def snapshot_due(self, step: int) -> bool:
        """Whether there is a snapshot after step `step`, counted from 1."""
        before, now = ((n * self.batch) // self.snapshot_every for n in (step - 1, step))
        return now > before or step == self.steps

    def document(self) -> dict[str, Any]:
        """All settings, as a log's header has them; None for those that change nothing."""
        return document(self)


@dataclass(frozen=True)
class GeneratorRecipe(TrainingRecipe):
    """How a generator is trained."""

    kind: str = setting("edm", "Kind of generator: EDM or PFGM++.", choices=KINDS)
    dimensions: int = setting(
        2048, "D of PFGM++; EDM is D without end.", low=3, high=10**9, applies=when(kind="pfgmpp")
    )
    conditional: bool = setting(True, "Tell the network the classes of images.")
    augment: float = setting(
        0.12, "Probability of each augmentation; 0 for none, flips included.", low=0, high=1
    )
    dropout: float = setting(0.13, "Share of values that dropout leaves out.", low=0, high=0.99)
    noise_mean: float = setting(
        -1.2, "Mean of ln sigma, the noise level in training.", low=-20, high=20
    )
    noise_deviation: float = setting(
        1.2, "Standard deviation of ln sigma.", low=0, high=10, above=True
    )
