"""The hyperparameters of training a generator or a discriminator, each declared once; no torch.

What is not given is EDM's for CIFAR-10, and of a discriminator what its public code has.
Sources: Karras et al. 2022, App. F.1 and Tables 7 and 8; Xu et al. 2023 (PFGM++), App. E; Kim et
al. 2023 (Discriminator Guidance), App. E.
"""

import math
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.jobs.precision import PRECISIONS
from advlib.settings import check, document, setting, when

GENERATORS = ("edm", "pfgmpp")
KINDS = (*GENERATORS, "discriminator")
WARMUP, WARMUP_SHARE = 10e6, 0.05  # images; of the run, in shorter ones
SNAPSHOTS = 10  # of a run
MOST_SAMPLES = 1e15  # of which the order of reading still counts in whole numbers
LARGEST = 1e30  # of rates, which float32 still multiplies
OF_GENERATORS = when(kind=GENERATORS)
_EDM = {
    "samples": 200e6,
    "batch": 512,
    "lr": 1e-3,
    "warmup": WARMUP,
    "half_life": (500e3,),
    "weight_decay": 0.0,
}
USUAL = {  # what is not given, by kind
    "edm": _EDM,
    "pfgmpp": _EDM,
    # 50 epochs of 50,000 real and as many generated images; weights are not averaged
    "discriminator": {
        "samples": 5e6,
        "batch": 128,
        "lr": 3e-4,
        "warmup": 0.0,
        "half_life": (0.0,),
        "weight_decay": 1e-7,
    },
}


@dataclass(frozen=True)
class TrainingRecipe:
    """What the training loop needs; a run sees whole batches, so up to one more than `samples`.

    Raises DataError for values outside their ranges, and for those that change nothing.
    """

    kind: str = setting(
        "edm",
        "What is trained: a generator, EDM or PFGM++, or the discriminator that guides one.",
        choices=KINDS,
    )
    samples: float = setting(
        None,
        "Images to see, repeats included, as 5M.",
        low=1,
        high=MOST_SAMPLES,
        usual="200M; 5M of a discriminator",
    )
    batch: int = setting(
        None, "Images a step, over all ranks.", low=1, usual="512; 128 of a discriminator"
    )
    lr: float = setting(
        None,
        "Learning rate of Adam, after its rise.",
        low=0,
        high=LARGEST,
        above=True,
        usual="0.001; 0.0003 of a discriminator",
    )
    warmup: float = setting(
        None,
        "Images over which the learning rate rises from 0.",
        low=0,
        high=MOST_SAMPLES,
        usual="10M, or a twentieth of a shorter run; 0 of a discriminator",
    )
    half_life: tuple[float, ...] = setting(
        (),
        "Half-life of the averaged weights, in images; may be repeated, for a checkpoint each.",
        low=0,
        high=MOST_SAMPLES,
        usual="500k; 0 of a discriminator",
        metavar="N",
    )
    rampup: float = setting(
        0.05, "Share of the images seen so far that a half-life is at most.", low=0, high=LARGEST
    )
    weight_decay: float = setting(
        None,
        "Weight decay of Adam.",
        low=0,
        high=LARGEST,
        usual="0; 1e-7 of a discriminator",
    )
    snapshot_every: float = setting(
        None,
        "Images between snapshots: the averaged weights, and of a generator a sheet of samples.",
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
        for name, value in USUAL[self.kind].items():
            if getattr(self, name) in (None, ()):
                shorter = name == "warmup" and value > WARMUP_SHARE * self.samples
                self._set(name, WARMUP_SHARE * self.samples if shorter else value)
        if self.snapshot_every is None:
            self._set("snapshot_every", max(1.0, self.samples / SNAPSHOTS))
        if len({f"{length:.0f}" for length in self.half_life}) < len(self.half_life):
            raise DataError("half_life: found one twice; expected different numbers")
        if self.kind == "discriminator" and self.batch % 2:
            raise DataError(
                f"batch: found {self.batch}; expected an even number, half of them real images"
            )

    def _set(self, name: str, value: Any) -> None:
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
    """How a generator, or the discriminator that guides it, is trained."""

    dimensions: int = setting(
        2048, "D of PFGM++; EDM is D without end.", low=3, high=10**9, applies=when(kind="pfgmpp")
    )
    conditional: bool = setting(True, "Tell the network the classes of images.")
    augment: float = setting(
        0.12,
        "Probability of each augmentation; 0 for none, flips included.",
        low=0,
        high=1,
        applies=OF_GENERATORS,
    )
    dropout: float = setting(
        0.13, "Share of values that dropout leaves out.", low=0, high=0.99, applies=OF_GENERATORS
    )
    noise_mean: float = setting(
        -1.2,
        "Mean of ln sigma, the noise level in training.",
        low=-20,
        high=20,
        applies=OF_GENERATORS,
    )
    noise_deviation: float = setting(
        1.2,
        "Standard deviation of ln sigma.",
        low=0,
        high=10,
        above=True,
        applies=OF_GENERATORS,
    )
