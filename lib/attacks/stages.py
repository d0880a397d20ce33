"""What attacks are to those who run them: stages made of rounds, and how each is declared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from advlib.attacks.problem import Problem
from advlib.attacks.settings import PGD

Carry = dict[str, Tensor]  # what a round leaves for the next
Round = Callable[[Problem, Carry], Carry]


@dataclass(frozen=True)
class Setup:
    """What decides the rounds of an attack.

    version: of AutoAttack, "standard", "plus" or "rand"; "custom" for a list of attacks.
    classes: of the classifier, a count.  shape: of images, (c, h, w).
    pgd, restarts, targets: of PGD alone: its settings, its starts, and how many other classes it
    aims at, 0 for none.
    """

    version: str
    norm: str
    classes: int
    shape: tuple[int, ...]
    pgd: PGD = field(default_factory=PGD)
    restarts: int = 1
    targets: int = 0


@dataclass(frozen=True)
class Attack:
    """The declaration of an attack, which the table in suites.py lists.

    number: keys its random numbers, alone or in any list the same; its own, and never changed.
    rounds: to be done in order, each with what the one before returned; a job can be interrupted
    between them.  cost: of a round, forward passes of an image that nothing fools, a gradient
    counted as two.  fewest: classes that it needs.
    needs: what the images lack for it, as "5 rows"; "" for nothing.
    aims: how many other classes a targeted attack aims at; None for an untargeted one.
    library: whether it is an attack of the AutoAttack library, of the same name there.
    alone: whether it has settings of its own and is no part of lists.
    """

    name: str
    number: int
    rounds: Callable[[Setup], Sequence[Round]]
    cost: Callable[[Setup], float]
    fewest: int = 2
    needs: Callable[[Setup], str] = lambda setup: ""
    aims: Callable[[Setup], int] | None = None
    library: bool = False
    alone: bool = False

    def stage(self, setup: Setup) -> "Stage":
        """The attack in a suite."""
        return Stage(self.name, self.number, tuple(self.rounds(setup)), self.cost(setup))


@dataclass(frozen=True)
class Stage:
    """One attack of a suite; see Attack."""

    name: str
    number: int
    rounds: tuple[Round, ...]
    cost: float


@dataclass(frozen=True)
class Suite:
    """Attacks, ready to be run one after another, and what they are called together.

    settings: all that decides the outcome, as JSON holds it.  aims: how many other classes each
    targeted attack of AutoAttack aims at.  randomised: whether it is made for classifiers that
    answer differently each time.  version: of the library, for the reference; None where it has no
    such attack.  seed, library_draws: of random numbers, and whether they are as the library's.
    """

    name: str
    norm: str
    eps: float
    stages: tuple[Stage, ...]
    settings: dict[str, Any]
    seed: int = 0
    library_draws: bool = False
    randomised: bool = False
    version: str | None = None

    @property
    def aims(self) -> dict[str, int]:
        """Of each targeted attack of AutoAttack."""
        return self.settings.get("aims", {})


def as_round(attack: Callable[..., None], **settings: Any) -> Round:
    """A round of an attack that leaves nothing for the next one."""

    def run(problem: Problem, carry: Carry) -> Carry:
        attack(problem, **settings)
        return {}

    return run


def other_classes(setup: Setup, most: int) -> int:
    """How many classes a targeted attack aims at, if at most so many."""
    return min(most, setup.classes - 1)


def places_of(count: int) -> range:
    """The places of `count` other classes among the clean logits; 2 is the strongest."""
    return range(2, count + 2)
