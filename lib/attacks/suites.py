"""Attacks by name: AutoAttack in its versions, lists of its attacks, PGD and the study's presets.

A suite is stages one after another, each on the images that the ones before did not fool; a stage
is rounds, between which a job can be interrupted.

Source: Croce and Hein 2020 (arXiv 2003.01690), Sec. 5, with the settings of pyautoattack; for the
presets Bartoldson et al. 2024, Sec. 3.1 and App. H.4.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor

from advlib.attacks.apgd import apgd
from advlib.attacks.draws import Library
from advlib.attacks.fab import fab
from advlib.attacks.pgd import pgd
from advlib.attacks.problem import Problem
from advlib.attacks.settings import NORMS, PGD, PRESETS, TARGETED
from advlib.attacks.square import STEPS, square
from advlib.errors import DataError

Carry = dict[str, Tensor]
Round = Callable[[Problem, Carry], Carry]

# the number of an attack, by which its random numbers are known: alone or in any list the same
NUMBERS = {
    name: i
    for i, name in enumerate(["pgd", "apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"])
}
AUTOATTACK = tuple(NUMBERS)[1:]
VERSIONS = {
    "standard": ("apgd-ce", "apgd-t", "fab-t", "square"),
    "plus": ("apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"),
    "rand": ("apgd-ce", "apgd-dlr"),
}
FEWEST = {"apgd-dlr": 3, "apgd-t": 4}  # classes that a DLR loss needs
PARTS = 10  # rounds of Square


@dataclass(frozen=True)
class Stage:
    """One attack of a suite.

    rounds: to be done in order, each with what the one before returned.  cost: of a round, forward
    passes of an image that nothing fools, a gradient counted as two.
    """

    name: str
    rounds: tuple[Round, ...]
    cost: float

    @property
    def number(self) -> int:
        """By which its random numbers are known."""
        return NUMBERS[self.name]


@dataclass(frozen=True)
class Suite:
    """Stages, and what they are called together.

    settings: all that decides the outcome, as JSON holds it.  randomised: whether it is made for
    classifiers that answer differently each time.  version: of the library, for the reference;
    None where it has no such attack.
    """

    name: str
    norm: str
    eps: float
    stages: tuple[Stage, ...]
    settings: dict
    randomised: bool = False
    version: str | None = None

    @property
    def aims(self) -> dict[str, int]:
        """How many other classes each targeted attack of AutoAttack aims at."""
        return self.settings.get("aims", {})


def suite(
    name: str,
    norm: str,
    eps: float,
    classes: int,
    *,
    pgd_options: dict | None = None,
    restarts: int = 1,
    targets: int = 0,
) -> Suite:
    """The attacks that a name stands for.

    name: "autoattack", "autoattack-plus", "autoattack-rand"; AutoAttack's attacks with commas
    between, as "apgd-ce,square", with the library's settings of a custom list; "pgd", "pgd40-cw"
    or "train-pgd10".  eps: radius in `norm`.
    pgd_options: steps, step_size, loss, where they are not the preset's.  restarts, targets: of
    PGD: starts, and how many other classes are aimed at, 0 for none.

    Raises DataError for unknown names, too few classes, and settings that do not go together.
    """
    if norm not in NORMS:
        raise DataError(f"norm {norm!r}: expected one of {', '.join(NORMS)}")
    if name in PRESETS or name == "pgd":
        how = replace(PRESETS.get(name, PGD()), norm=norm, eps=eps, **pgd_options or {})
        return _pgd(name, how, restarts, targets, classes)
    if pgd_options or restarts != 1 or targets:
        raise DataError(f"attack {name}: steps, step size, loss, restarts and targets are PGD's")
    version, names = _names(name)
    for attack in names:
        if classes < FEWEST.get(attack, 2):
            raise DataError(
                f"attack {attack}: {classes} classes; its loss needs {FEWEST[attack]}: name other"
                " attacks, as --attack apgd-ce,fab-t,square"
            )
    stages = tuple(_stage(attack, version, norm, classes) for attack in names)
    settings = {
        "name": name,
        "norm": norm,
        "eps": eps,
        "stages": list(names),
        "aims": {a: _aims(a, version, norm, classes) for a in names if a.endswith("-t")},
    }
    return Suite(name, norm, eps, stages, settings, version == "rand", version)


def _names(name: str) -> tuple[str, tuple[str, ...]]:
    """The library's version and its attacks."""
    version = name.removeprefix("autoattack").removeprefix("-") or "standard"
    if name.startswith("autoattack") and version in VERSIONS:
        return version, VERSIONS[version]
    names = tuple(part.strip() for part in name.split(","))
    for attack in names:
        if attack not in AUTOATTACK:
            known = ", ".join(["autoattack", "autoattack-plus", "autoattack-rand", "pgd", *PRESETS])
            raise DataError(
                f"attack {attack!r}: expected {known}, or a list of {', '.join(AUTOATTACK)}"
            )
    if len(set(names)) < len(names):
        raise DataError(f"attack {name}: an attack comes twice; expected each once")
    return "custom", names


def _aims(attack: str, version: str, norm: str, classes: int) -> int:
    """How many other classes a targeted attack aims at."""
    fewer = attack == "apgd-t" and version == "standard" and norm == "L1"
    return min(5 if fewer else 9, classes - 1)


def _stage(attack: str, version: str, norm: str, classes: int) -> Stage:
    starts = 1 if version == "rand" or (version == "standard" and norm != "L1") else 5
    widened = version == "standard" and norm == "L1"
    eot = 20 if version == "rand" else 1
    places = range(2, _aims(attack, version, norm, classes) + 2)
    if attack in ("apgd-ce", "apgd-dlr"):
        loss, rand = attack.removeprefix("apgd-"), version == "rand"
        climb = partial(apgd, loss=loss, eot=eot, widened=widened, once=rand)
        rounds = [_round(climb, restart=i) for i in range(starts)]
        cost = 303.0 * eot
    elif attack == "apgd-t":
        rounds = _targeted(partial(apgd, widened=widened), places, drawn=True, alone=widened)
        cost = 303.0
    elif attack == "fab-t":
        rounds, cost = _targeted(fab, places, drawn=False), 400.0
    elif attack == "fab":
        rounds, cost = [_round(fab, restart=i) for i in range(5)], 200.0 + 200.0 * classes
    else:
        each = STEPS // PARTS
        rounds, cost = (
            [partial(_square, first=i * each, last=(i + 1) * each) for i in range(PARTS)],
            float(each),
        )
    return Stage(attack, tuple(rounds), cost)


def _round(attack: Callable[..., None], **settings) -> Round:
    """An attack that leaves nothing for the next round."""

    def run(problem: Problem, carry: Carry) -> Carry:
        attack(problem, **settings)
        return {}

    return run


def _targeted(
    attack: Callable[..., None], places: Sequence[int], drawn: bool, alone: bool = False
) -> list[Round]:
    """A round for each class aimed at, in which those of later rounds are done along where few
    images are left.

    drawn: whether the attack draws random numbers.  alone: never do rounds along.
    """

    def run(index: int, problem: Problem, carry: Carry) -> Carry:
        through = int(carry.get("through", 0))
        if index < through:
            return carry
        room = problem.oracle.width // max(len(problem.left()), 1)
        # the library's random numbers depend on how many images the targets before have left
        fixed = alone or (drawn and isinstance(problem.draws, Library))
        count = 1 if fixed else max(room, 1)
        attack(problem, target=places[index : index + count])
        return {"through": torch.tensor(index + count)}

    return [partial(run, index) for index in range(len(places))]


def _square(problem: Problem, carry: Carry, first: int, last: int) -> Carry:
    return square(problem, first=first, last=last, carry=carry)


def _pgd(name: str, how: PGD, restarts: int, targets: int, classes: int) -> Suite:
    if targets and how.loss not in TARGETED:
        raise DataError(f"loss {how.loss}: has no target; expected one of {', '.join(TARGETED)}")
    if targets >= classes:
        raise DataError(f"targets: found {targets}; {classes} classes have {classes - 1} others")
    if how.loss == "dlr" and classes < (needed := 4 if targets else 3):
        raise DataError(f"loss dlr: {classes} classes; it needs {needed}")
    places = range(2, targets + 2) if targets else [None]
    rounds = tuple(
        _round(pgd, how=how, restart=i, target=place) for place in places for i in range(restarts)
    )
    settings = {"name": name, **asdict(how), "restarts": restarts, "targets": targets}
    stage = Stage("pgd", rounds, 3.0 * how.steps + 1)
    return Suite(name, how.norm, how.eps, (stage,), settings)
