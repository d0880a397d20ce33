"""Projected gradient ascent in a ball (Madry et al. 2018), for training and for evaluation.

    x_0 = clip(x + u),  u uniform in [-eps, eps]
    x_(t+1) = clip(project(x_t + alpha sign(grad loss(x_t))))

`project` is onto the ball of radius eps about x, `clip` onto [0, 1].  That is for Linf; for L2 and
L1 the start is uniform in the ball's cube brought into the ball, and the step is of length alpha:
along the gradient for L2, along the signs of its largest values for L1.

Source: Bartoldson et al. 2024, Eq. 2; losses and order of operations as in the official code.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

from advlib.attacks import balls, losses
from advlib.attacks.draws import Draws
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.settings import PGD
from advlib.attacks.stages import Attack, Round, Setup, as_round, places_of

SHARE = 0.07  # of an image's values, moved by an L1 step
LOOK_EVERY = 8  # steps between looks at which images are left, where a look waits for a GPU


def start(images: Tensor, noise: Tensor, eps: float, norm: str = "Linf") -> Tensor:
    """Where the ascent begins: the images with `noise` in [0, 1) spread over [-eps, eps)."""
    begin = images + (2 * noise - 1) * eps
    return begin.clamp_(0, 1) if norm == "Linf" else balls.inside(images, begin, norm, eps)


def ascend(
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    begin: Tensor,
    eps: float,
    step_size: float,
    steps: int,
) -> Tensor:
    """The last iterate in the Linf ball of images that must stay together, as a training batch.

    loss: perturbed images (b, c, h, w) to a scalar to be raised.
    images: (b, c, h, w) in [0, 1], the centres of the balls.  eps, step_size: in units of [0, 1].
    Returns (b, c, h, w) in [0, 1], detached.
    """
    low, high = (images - eps).clamp_(0, 1), (images + eps).clamp_(0, 1)
    current = begin.detach()
    for _ in range(steps):
        current.requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(loss(current), current)
        # the box is that of the ball and of [0, 1] together: the official code clips one by one
        current = torch.clamp(current.detach() + step_size * gradient.sign(), low, high)
    return current.detach()


def climb(
    oracle: Oracle,
    images: Tensor,
    label: Tensor,
    begin: Tensor,
    how: PGD,
    target: Tensor | None = None,
    tick: Callable[[int], None] = lambda left: None,
    number: Tensor | None = None,
    zeros: Callable[[Tensor], None] = lambda rows: None,
) -> Tensor:
    """The last iterate of each image, (n, c, h, w) in [0, 1], from `begin`.

    With the CW loss, an image that is misclassified has no gradient and stays as it is, so it
    is left out from then on, or some steps later on a GPU: the same outcome in less time.
    target: (n,) classes to go towards, instead of away from the label; not with "kl".
    tick: called before each step with the count of images that are left.
    number: (n,) of the images in their set, as Oracle takes it.
    zeros: called with the rows, (m,), of images that begin with a gradient of zero, and are not
    where their loss ends.
    """
    if number is None:
        number = torch.arange(len(images), device=images.device)
    values = _values(oracle, images, label, number, how.loss, target)
    current = begin.clone()
    active = torch.arange(len(images), device=images.device)
    every = 1 if images.device.type == "cpu" else LOOK_EVERY
    for step in range(1, how.steps + 1):
        tick(len(active))
        of = lambda logits, rows: values(logits, active[rows])  # noqa: B023, E731
        at = current[active]
        _, found, gradient = oracle.gradient(at, of, number[active])
        if step == 1:
            stuck = balls.without_direction(gradient, how.norm)
            zeros(active[stuck & (found < 0) if how.loss == "cw" else stuck])
        centre = images[active]
        ahead = how.step_size * balls.steepest(gradient, how.norm, SHARE)
        current[active] = balls.inside(centre, at + ahead, how.norm, how.eps)
        if how.loss == "cw" and step % every == 0:
            active = active[found < 0]
        if not len(active):
            break
    return current


def _values(
    oracle: Oracle,
    images: Tensor,
    label: Tensor,
    number: Tensor,
    loss: str,
    target: Tensor | None,
) -> Callable[[Tensor, Tensor], Tensor]:
    """From logits and rows of the images to losses to be raised."""
    if target is not None:
        return {
            "cw": lambda z, i: -functional.relu(-losses.margin(z, target[i])),
            "ce": lambda z, i: -losses.cross_entropy(z, target[i]),
            "dlr": lambda z, i: losses.dlr_targeted(z, label[i], target[i]),
        }[loss]
    if loss == "kl":
        clean = oracle.logits(images, number)
        return lambda z, i: losses.divergence(clean[i], z)
    of = {"cw": losses.cw_margin, "ce": losses.cross_entropy, "dlr": losses.dlr}[loss]
    return lambda z, i: of(z, label[i])


def start_and_climb(
    oracle: Oracle,
    images: Tensor,
    label: Tensor,
    draws: Draws,
    how: PGD,
    *,
    lanes: Tensor | None = None,
    restart: int = 0,
    place: int = 0,
    target: Tensor | None = None,
    tick: Callable[[int], None] = lambda left: None,
    number: Tensor | None = None,
    zeros: Callable[[Tensor], None] = lambda rows: None,
) -> Tensor:
    """The last iterate of each image, (n, c, h, w) in [0, 1], from a start that is drawn.

    Evaluations and attacks both begin here, so that from one seed both find the same.
    lanes: (n,) by which `draws` knows the images; 0, 1, ... by default.  restart, place: name the
    draw, with place that of the class of `target` among the clean logits, 0 without a target.
    target, tick, number, zeros: as in `climb`.
    """
    if lanes is None:
        lanes = torch.arange(len(images), device=images.device)
    noise = draws.uniform(lanes, images.shape[1:], place, restart)
    begin = start(images, noise, how.eps, how.norm)
    return climb(oracle, images, label, begin, how, target, tick, number, zeros)


def pgd(problem: Problem, how: PGD, restart: int = 0, target: int | None = None) -> None:
    """Attack the lanes that are left, from one start each.

    What the attack made is kept, also where it fools nobody.
    restart: which one, for its random numbers.  target: towards the class at this place of the
    clean logits; 2 is the strongest other.
    """
    lanes = problem.left()
    if not len(lanes):
        return
    images = problem.images[lanes]
    made = start_and_climb(
        problem.oracle,
        images,
        problem.label[lanes],
        problem.draws,
        how,
        lanes=lanes,
        restart=restart,
        place=target or 0,
        target=problem.targets(lanes, target) if target else None,
        tick=problem.tick,
        zeros=lambda rows: problem.note_zero_gradients(lanes[rows]),
        number=problem.number[lanes],
    )
    problem.claim(lanes, balls.rounded_in(images, made, how.norm, how.eps), keep=True)


def _rounds(setup: Setup) -> list[Round]:
    places: list[int | None] = [*places_of(setup.targets)] or [None]
    starts = range(setup.restarts)
    return [
        as_round(pgd, how=setup.pgd, restart=i, target=place) for place in places for i in starts
    ]


ALONE = Attack("pgd", 0, _rounds, lambda setup: 3.0 * setup.pgd.steps + 1, alone=True)
