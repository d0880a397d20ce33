"""Auto-PGD: ascent with momentum, whose step is halved where it no longer pays.

The step of an image is halved at fixed checkpoints, when its loss rose in less than 3/4 of the
steps since the last one, or when neither step nor best loss have changed; it goes on from its best
point then.  An image is dropped as soon as it fools the classifier: nothing that happens to it
later changes its verdict.

Source: Croce and Hein 2020 (arXiv 2003.01690), Alg. 1 and Sec. 3; for L1 Croce and Hein 2021
(arXiv 2103.01208), Sec. 3; settings of AutoAttack.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from advlib.attacks import balls, losses
from advlib.attacks.apgd_ascent import Ascent, Lanes
from advlib.attacks.problem import Problem
from advlib.attacks.stages import Attack, Round, Setup, as_round, other_classes, places_of
from advlib.attacks.targets import targeted_rounds

WIDENED = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))  # L1: radii over eps, and their shares of the steps


def apgd(
    problem: Problem,
    *,
    loss: str = "ce",
    target: int | Sequence[int] | None = None,
    restart: int = 0,
    steps: int = 100,
    eot: int = 1,
    widened: bool = False,
    once: bool = False,
) -> None:
    """Attack all lanes that are left, from one random start each.

    loss: "ce" or "dlr".  target: towards the class at this place of the clean logits (2: the
    strongest other), with the targeted DLR loss; of several, all at once, with what one after
    another would find; None: away from the label.
    restart: which one, for its random numbers.  eot: gradients that are averaged for each step.
    widened: for L1, begin in balls of three and two times the radius; with one target at a time.
    once: ask the classifier itself about an image once, when the run is over, at its last point
    that was misclassified.  For one that answers differently each time, and would get one of a
    hundred answers wrong by chance; not with several targets.
    """
    left = problem.left()
    if not len(left):
        return
    places = (target,) if isinstance(target, int) else tuple(target or ())
    lanes, place = left, torch.zeros_like(left)
    if places:
        lanes, place, aim = problem.tries(left, places)
    images, label = problem.images[lanes], problem.label[lanes]

    def values(logits: Tensor, rows: Tensor) -> Tensor:
        if places:
            return losses.dlr_targeted(logits, label[rows], aim[rows])
        return (losses.dlr if loss == "dlr" else losses.cross_entropy)(logits, label[rows])

    climb = Ascent(problem, values, eot, once)
    names = [(k, restart) for k in places or (0,)]
    if not widened:
        parts = [_start(problem, left, images[: len(left)], *name) for name in names]
        begin = Lanes.at(lanes, place, images, torch.cat(parts))
        climb.run(begin, problem.eps, steps, claims=True)
        return
    (name,) = names
    draw = problem.draws.normal
    # added to the point, not to the image: in this order the rounding is the library's
    onto = lambda point, eps: point + balls.back_l1(images, point - images, eps)  # noqa: E731
    point = onto(images + draw(lanes, images.shape[1:], *name), WIDENED[0][0] * problem.eps)
    counts = [math.ceil(share * steps) for _, share in WIDENED[:-1]]
    counts.append(steps - sum(counts))
    for i, ((times, _), count) in enumerate(zip(WIDENED, counts, strict=True)):
        radius, last = times * problem.eps, i == len(counts) - 1
        point = onto(point, radius)
        draw(lanes, images.shape[1:], *name, i)  # the library draws a start that it does not use
        point = climb.run(Lanes.at(lanes, place, images, point), radius, count, last, warm=True)


def _start(problem: Problem, lanes: Tensor, images: Tensor, *name: int) -> Tensor:
    """Random points: on the ball for Linf and L2; projected onto it for L1."""
    norm, shape = problem.norm, images.shape[1:]
    if norm == "Linf":
        noise = 2 * problem.draws.uniform(lanes, shape, *name) - 1
    else:
        noise = problem.draws.normal(lanes, shape, *name)
    if norm == "L1":
        return images + noise + balls.back_l1(images, noise, problem.eps)
    return images + problem.eps * balls.unit(noise, norm)


def _starts(setup: Setup) -> int:
    """Random starts of an untargeted run."""
    one = setup.version == "rand" or (setup.version == "standard" and setup.norm != "L1")
    return 1 if one else 5


def _widened(setup: Setup) -> bool:
    return setup.version == "standard" and setup.norm == "L1"


def _eot(setup: Setup) -> int:
    """Gradients that are averaged for a step."""
    return 20 if setup.version == "rand" else 1


def _untargeted(loss: str, setup: Setup) -> list[Round]:
    climb = partial(
        apgd,
        loss=loss,
        eot=_eot(setup),
        widened=_widened(setup),
        once=setup.version == "rand",
    )
    return [as_round(climb, restart=i) for i in range(_starts(setup))]


def _targeted(setup: Setup) -> list[Round]:
    wide = _widened(setup)
    climb = partial(apgd, widened=wide)
    return targeted_rounds(climb, places_of(_aims(setup)), drawn=True, alone=wide)


def _aims(setup: Setup) -> int:
    return other_classes(setup, 5 if _widened(setup) else 9)


def _cost(setup: Setup) -> float:
    return 303.0 * _eot(setup)


CE = Attack("apgd-ce", 1, partial(_untargeted, "ce"), _cost, library=True)
DLR = Attack("apgd-dlr", 2, partial(_untargeted, "dlr"), _cost, fewest=3, library=True)
TARGETED = Attack("apgd-t", 5, _targeted, _cost, fewest=4, aims=_aims, library=True)
