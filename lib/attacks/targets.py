"""Rounds of targeted attacks: one for each class aimed at, several at once on few images."""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from advlib.attacks.draws import Library
from advlib.attacks.problem import Problem
from advlib.attacks.stages import Carry, Round


def targeted_rounds(
    attack: Callable[..., None], places: Sequence[int], *, drawn: bool, alone: bool = False
) -> list[Round]:
    """A round for each class aimed at.

    Where few images are left, a round does those that come after it along, which then do nothing.
    attack: takes a problem and `target`, places of classes.  drawn: whether it draws random
    numbers.  alone: never do other rounds along.
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
