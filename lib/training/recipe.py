"""The hyperparameters of a run, each declared once; what is not given is the paper's.

Source: Bartoldson et al. 2024, Sec. 3.1, App. B and D.  Nothing heavy is imported: options and
documents are made of these declarations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advlib.attacks.settings import PGD
from advlib.errors import DataError
from advlib.jobs.precision import PRECISIONS
from advlib.models.flops import ATTACK_STEPS, training_forwards
from advlib.settings import Rule, applicable, check, document, setting, when
from advlib.training.rules import batch_size, peak_learning_rate

EPOCH = 50_000  # images of an epoch: CIFAR-10's training set, whatever the data
EPOCHS = 100  # about, in shorter runs, so that the schedule is no staircase
LOSSES = ("trades", "madry", "clean")
MOST_SAMPLES = 1e15  # of which the order of reading still counts in whole numbers
LARGEST = 1e30  # of rates and weights, which float32 still multiplies


def _attacks(found: Mapping[str, Any]) -> bool:
    return found.get("loss") != "clean"


def _attacks_or_evaluates(found: Mapping[str, Any]) -> bool:
    """Whether the radius is used: evaluations, where options name their images, use it too."""
    return _attacks(found) or "test" not in found or bool(found["test"] or found["validation"])


def _takes_steps(found: Mapping[str, Any]) -> bool:
    return found.get("attack_steps") != 0


ATTACK = Rule(_attacks, "does not go with --loss clean, which attacks nothing")
STEPS_TAKEN = (ATTACK, Rule(_takes_steps, "does nothing in an attack of 0 steps"))
RADIUS = Rule(
    _attacks_or_evaluates,
    "does nothing with --loss clean and neither --test nor --validation",
)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.  A run sees whole epochs, so a little more than `samples` images.

    batch, lr and epoch are those that follow from `samples` where they are not given.
    Raises DataError for values outside their ranges, and for those that change nothing.
    """

    samples: float = setting(
        None,
        "Images to see, as 5M.",
        low=1,
        high=MOST_SAMPLES,
        usual="as many whole epochs as the passes give",
    )
    batch: int = setting(
        None, "Images a step, over all ranks.", low=2, usual="1024, above 10M samples 2048"
    )
    lr: float = setting(
        None,
        "Peak learning rate.",
        low=0,
        high=LARGEST,
        above=True,
        usual="0.3, above 10M samples 0.2, above 200M 0.1",
    )
    epoch: int = setting(
        None,
        "Images between changes of the learning rate.",
        low=1,
        usual=f"{EPOCH}, or a hundredth of a shorter run",
    )
    loss: str = setting(
        "trades",
        "Training objective: TRADES; adversarial training after Madry; no attack.",
        choices=LOSSES,
    )
    eps: float = setting(
        PGD.eps,
        "Radius of the attack's ball, in training and in evaluations.",
        low=0,
        high=1,
        fraction=True,
        usual="8/255",
        applies=(RADIUS,),
    )
    step_size: float = setting(
        PGD.step_size,
        "Step of the attack.",
        low=0,
        high=1,
        fraction=True,
        usual="2/255",
        applies=STEPS_TAKEN,
    )
    attack_steps: int = setting(
        ATTACK_STEPS, "Steps of PGD in a training step.", low=0, applies=(ATTACK,)
    )
    beta: float = setting(
        5.0,
        "Weight of the divergence in TRADES.",
        low=0,
        high=LARGEST,
        applies=when(loss="trades"),
    )
    smoothing: float = setting(0.1, "Label smoothing.", low=0, high=1)
    tau: float = setting(0.995, "Decay of the averaged weights.", low=0, high=1)
    weight_decay: float = setting(5e-4, "Of all parameters but batch norm's.", low=0, high=LARGEST)
    warmup: float = setting(
        0.025, "Share of the run in which the learning rate rises.", low=0, high=1
    )
    augment: bool = setting(True, "Crop with 4 pixels of padding, and flip.")
    seed: int = setting(0, "Random seed, kept in the output.", low=0)
    precision: str = setting("fp32", "Of convolutions and matrix products.", choices=PRECISIONS)
    channels_last: bool = setting(True, "Keep channels innermost in memory.")
    compile: bool = setting(False, "Compile the network with torch.compile.")

    def __post_init__(self):
        if self.samples is None:
            raise DataError("samples: neither they nor passes over the sets say how long a run is")
        check(self)
        self._default("batch", batch_size(self.samples))
        self._default("lr", peak_learning_rate(self.samples))
        if self.samples < EPOCH * EPOCHS:  # whole batches, so that a short run sees no more
            batches = max(1, round(self.samples / EPOCHS / self.batch))
            self._default("epoch", self.batch * batches)
        self._default("epoch", EPOCH)

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
        """How many steps the run has."""
        return self.epochs * self.steps_per_epoch

    @property
    def images(self) -> int:
        """How many images the run sees: 5.0176M for 5M at batch 1024."""
        return self.steps * self.batch

    @property
    def forwards(self) -> int:
        """Forward passes that a step costs per image (App. B): 27 for TRADES with 10 steps."""
        return training_forwards(self.attack_steps, self.loss)

    def document(self) -> dict[str, Any]:
        """All settings, as a log's header has them; None for those that change nothing."""
        return document(self)


def as_documented(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded recipe in today's form: older ones held values that change nothing."""
    return applicable(Recipe, {**recorded})
