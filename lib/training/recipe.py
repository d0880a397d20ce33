"""The hyperparameters of a run; what is not given is the paper's (Sec. 3.1, App. B and D)."""

import math
from dataclasses import asdict, dataclass

from advlib.errors import DataError
from advlib.training.rules import batch_size, peak_learning_rate

EPOCH = 50_000  # images of an epoch: CIFAR-10's training set, whatever the data
EPOCHS = 100  # about, in shorter runs, so that the schedule is no staircase
LOSSES = ("trades", "madry", "clean")
PRECISIONS = ("fp32", "tf32", "bf16")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    samples: images to see, a count; a run sees whole epochs, so a little more.
    batch: images a step, over all ranks.  lr: peak learning rate.
    epoch: images between changes of the learning rate.
    loss: "trades" (Zhang et al. 2019), "madry" (cross-entropy of attacked images) or "clean".
    eps, step_size: of the attack, in units of [0, 1].  attack_steps: a count.
    beta: weight of the divergence.  smoothing: of labels.  tau: of the averaged weights.
    weight_decay: of all parameters but batch norm's.  warmup: share of the run.
    augment: crop and flip.  seed: of weights, order, augmentation and attacks.
    precision: "fp32", "tf32" (on GPUs that have it) or "bf16" (autocast).

    Raises DataError for values outside their ranges.
    """

    samples: float
    batch: int | None = None
    lr: float | None = None
    epoch: int | None = None
    loss: str = "trades"
    eps: float = 8 / 255
    step_size: float = 2 / 255
    attack_steps: int = 10
    beta: float = 5.0
    smoothing: float = 0.1
    tau: float = 0.995
    weight_decay: float = 5e-4
    warmup: float = 0.025
    augment: bool = True
    seed: int = 0
    precision: str = "fp32"
    channels_last: bool = True
    compile: bool = False

    def __post_init__(self):
        self._default("batch", batch_size(self.samples))
        self._default("lr", peak_learning_rate(self.samples))
        if self.samples < EPOCH * EPOCHS:  # whole batches, so that a short run sees no more
            batches = max(1, round(self.samples / EPOCHS / max(self.batch, 1)))
            self._default("epoch", self.batch * batches)
        self._default("epoch", EPOCH)
        for name, least, most in (
            ("samples", 1, math.inf),
            ("batch", 2, math.inf),
            ("lr", 0, math.inf),
            ("epoch", 1, math.inf),
            ("eps", 0, 1),
            ("step_size", 0, 1),
            ("attack_steps", 0, math.inf),
            ("beta", 0, math.inf),
            ("smoothing", 0, 1),
            ("tau", 0, 1),
            ("weight_decay", 0, math.inf),
            ("warmup", 0, 1),
        ):
            value = getattr(self, name)
            if not least <= value <= most or value != value:
                raise DataError(f"{name}: found {value}; expected {least} to {most}")
        for name, choices in (("loss", LOSSES), ("precision", PRECISIONS)):
            if getattr(self, name) not in choices:
                raise DataError(f"{name}: found {getattr(self, name)!r}; expected {choices}")

    def _default(self, name: str, value: float) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    @property
    def epochs(self) -> int:
        """How many epochs the run has; 5M images are 100 of 50,000."""
        return max(1, round(self.samples / self.epoch))

    @property
    def steps_per_epoch(self) -> int:
        """Batches that hold an epoch; the last one is full, so an epoch sees up to a batch more."""
        return -(-self.epoch // self.batch)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def images(self) -> int:
        """What the run sees: 5.0176M for 5M at batch 1024."""
        return self.steps * self.batch

    @property
    def forwards(self) -> int:
        """Forward passes that a step costs per image (App. B): 27 for TRADES with 10 steps."""
        if self.loss == "trades":
            return 1 + 2 * self.attack_steps + 2 + 4
        return 3 if self.loss == "clean" else 2 * self.attack_steps + 3

    def document(self) -> dict:
        """All settings, as a log's header has them."""
        return asdict(self)
