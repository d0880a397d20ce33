"""A suite on the images of one window: made ready, checked, and done round by round."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from advlib.attacks import checks
from advlib.attacks.draws import Draws, Keyed, Library, seed_of
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.progress import Meter
from advlib.attacks.stages import Carry, Round, Suite


@dataclass(frozen=True)
class Place:
    """Where a suite stands on a window.

    stage, turn: numbers of the stage and of its round that come next.  carry: what the round
    before left for it.  costs: of each stage so far `seconds`, `forwards` and `backwards` (images).
    """

    stage: int = 0
    turn: int = 0
    carry: Carry = field(default_factory=dict)
    costs: dict[str, dict] = field(default_factory=dict)


def problem_of(
    suite: Suite,
    oracle: Oracle,
    images: Tensor,
    label: Tensor,
    number: np.ndarray,
    meter: Meter,
    where: str,
) -> Problem:
    """The problem of images (n, c, h, w) in [0, 1], their labels and numbers in the set, (n,).

    where: of the images, for messages.  Raises DataError as checks.check_logits does.
    """
    draws: Draws = Keyed(suite.seed, torch.from_numpy(number).to(images.device))
    if suite.library_draws:
        draws = Library(suite.seed, oracle.batch)
    first = int(number[0])
    _seed_network(suite, first)
    made = Problem(
        oracle, images, label, suite.norm, suite.eps, draws, first=first, watch=meter.tick
    )
    checks.check_logits(made.clean, label, oracle.name, where, number)
    return made


def check_before(
    suite: Suite, problem: Problem, images: Tensor, label: Tensor
) -> list[checks.Finding]:
    """What images show to be suspicious about the classifier, kept with the problem.

    images: (n, c, h, w) of the whole set, see checks.spread.  label: (n,).
    """
    oracle = problem.oracle
    found = checks.before(
        oracle.exact, images, label, randomised_expected=suite.randomised, batch=oracle.batch
    )
    for finding in found:
        problem.add_finding(finding)
    return found


def rounds(
    suite: Suite, problem: Problem, meter: Meter, window: int, place: Place
) -> Iterator[Place]:
    """Do a suite from a place on; after each round, where it stands.

    window: its number, by which the random numbers that the network itself may draw are known.
    place: to begin at; its costs are added to.
    """
    turn, carry, costs = place.turn, place.carry, place.costs
    for i in range(place.stage, len(suite.stages)):
        stage = suite.stages[i]
        problem.begin(stage.name, stage.number)
        for j in range(turn, len(stage.rounds)):
            meter.begin(i, j)
            _seed_network(suite, window, stage.number, j)
            cost = costs.setdefault(stage.name, {})
            carry = do_round(stage.rounds[j], problem, carry, cost)
            last = j + 1 == len(stage.rounds)
            yield Place(i + 1, 0, {}, costs) if last else Place(i, j + 1, carry, costs)
        turn, carry = 0, {}


def do_round(attack: Round, problem: Problem, carry: Carry, cost: dict) -> Carry:
    """Do a round on the images left, if any are, and add to `cost` what it took."""
    oracle, begun = problem.oracle, time.monotonic()
    before = oracle.forwards, oracle.backwards
    if len(problem.left()):
        carry = attack(problem, carry)
        oracle.check()
    spent = {
        "seconds": time.monotonic() - begun,
        "forwards": oracle.forwards - before[0],
        "backwards": oracle.backwards - before[1],
    }
    for name, value in spent.items():
        cost[name] = cost.get(name, 0) + value
    return carry


def _seed_network(suite: Suite, *place: int) -> None:
    """Begin torch's own random numbers anew, which a network may draw."""
    torch.manual_seed(seed_of(suite.seed, *place))
