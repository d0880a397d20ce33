"""FAB: short steps to the decision boundary, each drawn back a little towards the image.

A step takes the classifier as linear about the iterate x_i.  With the linear classifier's nearest
boundary, a hyperplane, and p the projection onto it within [0, 1]^d, in the attack's norm,

    x_(i+1) = clip((1 - a) (x_i + eta (p(x_i) - x_i)) + a (x + eta (p(x) - x)))
    a = min(|p(x_i) - x_i| / (|p(x_i) - x_i| + |p(x) - x|), 0.1)

for the image x.  A misclassified x_(i+1) is then replaced with x + beta (x_(i+1) - x).  The ball
has no part in the steps: it only says which misclassified iterates count.

Source: Croce and Hein 2020 (arXiv 1907.02044), Alg. 1 without its final search, which only makes
perturbations smaller; settings, and the targeted form, which takes one class's boundary for the
nearest, of AutoAttack (arXiv 2003.01690).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from pyautoattack import fab_projections
from torch import Tensor

from advlib.attacks import balls
from advlib.attacks.oracle import finite
from advlib.attacks.problem import Problem
from advlib.attacks.stages import Attack, Round, Setup, as_round, other_classes, places_of
from advlib.attacks.targets import targeted_rounds

ETA = 1.05  # overshoots the boundary
BETA = 0.9  # what a misclassified iterate keeps of its perturbation
ALPHA = 0.1  # largest share of the image's own step
PROJECTIONS = {
    "Linf": fab_projections.projection_linf,
    "L2": fab_projections.projection_l2,
    "L1": fab_projections.projection_l1,
}
DUAL = {"Linf": "L1", "L2": "L2", "L1": "Linf"}


def fab(
    problem: Problem,
    *,
    target: int | Sequence[int] | None = None,
    restart: int = 0,
    steps: int = 100,
) -> None:
    """Attack all lanes that are left, from one start each.

    An image is claimed at its first misclassified iterate within the ball, and dropped when the
    claim holds.  The library goes on to the least perturbation: the verdict is the same.

    target: seek the boundary of the class at this place of the clean logits (2: the strongest
    other), or of several, all at once, with what one after another would find; None: the nearest
    of all.  A point is misclassified as whichever class.
    restart: 0 starts at the image; others at a random point, by the draw (target or 0, restart).

    Raises IndexError where there are fewer than `target` classes.
    """
    left = problem.left()
    if not len(left):
        return
    oracle, norm = problem.oracle, problem.norm
    places = (target,) if isinstance(target, int) else tuple(target or ())
    if places:
        lane, place, aim = problem.tries(left, places)
    else:
        lane, place, aim = left, torch.zeros_like(left), problem.label[left]
    image, label = problem.images[lane], problem.label[lane]
    point = image.clone()
    if restart:
        parts = [_start(problem, left, image[: len(left)], k, restart) for k in places or (0,)]
        point = torch.cat(parts)
    at = _Lanes(lane, place, label, aim, image, point)
    for i in range(steps):
        if not len(at.lane):
            break
        problem.tick(len(at.lane))
        # in batches, since a jacobian and a projection take the memory of many times their images
        rows = torch.arange(len(at.lane), device=lane.device)
        flat = torch.zeros_like(at.lane, dtype=torch.bool)
        for some in rows.tensor_split(-(-len(rows) // oracle.batch)):
            at.point[some], flat[some] = _step(problem, at.of(some), nearest=not places)
        if i == 0:
            problem.note_zero_gradients(at.lane[flat])
        fooled = oracle.logits(at.point, problem.number[at.lane]).argmax(1) != at.label
        hit = fooled & (_length((at.point - at.image).flatten(1), norm) <= problem.eps)
        if hit.any():
            problem.claim(at.lane[hit], at.point[hit], place=at.place[hit])
        at.point[fooled] = at.image[fooled] + BETA * (at.point[fooled] - at.image[fooled])
        if hit.any():
            at = at.of(problem.still_counts(at.lane, at.place))


@dataclass
class _Lanes:
    """m images under attack."""

    lane: Tensor  # (m,), and so are the next three
    place: Tensor  # of the class aimed at; 0 untargeted
    label: Tensor
    aim: Tensor  # the class whose boundary is sought; untargeted, the label, and not looked at
    image: Tensor  # (m, c, h, w)
    point: Tensor  # the iterate

    def of(self, rows: Tensor) -> "_Lanes":
        """Some of them."""
        return _Lanes(*(getattr(self, field.name)[rows] for field in fields(self)))


def _start(problem: Problem, lane: Tensor, image: Tensor, *draw: int) -> Tensor:
    """Points in random directions, half the radius from the images before the clip."""
    if problem.norm == "Linf":
        noise = 2 * problem.draws.uniform(lane, image.shape[1:], *draw) - 1
    else:
        noise = problem.draws.normal(lane, image.shape[1:], *draw)
    length = _length(noise.flatten(1), problem.norm).view(-1, *[1] * (image.dim() - 1))
    # multiplied, then divided: in this order the rounding is the library's
    return (image + problem.eps * noise / length / 2).clamp(0, 1)


def _step(problem: Problem, at: _Lanes, nearest: bool) -> tuple[Tensor, Tensor]:
    """The next iterates of a batch, (b, c, h, w), where no back step has been made.

    And for which of them the boundary sought has no slope, (b,) bool.
    """
    norm = problem.norm
    gap, slope = (_nearest if nearest else _aimed)(problem, at)
    point, image = at.point.flatten(1), at.image.flatten(1)
    offset = (slope * point).sum(1) - gap  # the hyperplane is <slope, .> = offset
    moves = PROJECTIONS[norm](
        torch.cat((point, image)), torch.cat((slope, slope)), torch.cat((offset, offset))
    )
    (of_point, of_image), (here, there) = (
        whole.chunk(2) for whole in (moves, _length(moves, norm).clamp(min=1e-8)[:, None])
    )
    share = (here / (here + there)).clamp(max=ALPHA)
    step = (point + ETA * of_point) * (1 - share) + (image + ETA * of_image) * share
    step = step.clamp(0, 1).view_as(at.point)
    # to a boundary that no slope leads to there is no step
    flat = ~slope.any(1)
    return torch.where(balls.per_image(finite(step), step), step, at.point), flat


def _aimed(problem: Problem, at: _Lanes) -> tuple[Tensor, Tensor]:
    """By how much the class sought leads the label, (b,), and the gradient of that, (b, d)."""

    def lead(logits: Tensor, rows: Tensor) -> Tensor:
        picked = logits.gather(1, torch.stack((at.aim[rows], at.label[rows]), 1))
        return picked[:, 0] - picked[:, 1]

    _, gap, slope = problem.oracle.gradient(at.point, lead, problem.number[at.lane])
    return gap, slope.flatten(1)


def _nearest(problem: Problem, at: _Lanes) -> tuple[Tensor, Tensor]:
    """As `_aimed`, for the class whose boundary is nearest if the classifier is linear."""
    logits, jacobian = problem.oracle.jacobian(at.point, problem.number[at.lane])
    every = torch.arange(len(logits), device=logits.device)
    gap = logits - logits[every, at.label][:, None]
    slope = (jacobian - jacobian[every, at.label][:, None]).flatten(2)
    distance = gap.abs() / (1e-12 + _length(slope, DUAL[problem.norm]))
    distance[every, at.label] = float("inf")
    best = distance.argmin(1)
    return gap[every, best], slope[every, best]


def _length(vectors: Tensor, norm: str) -> Tensor:
    """The norm of each vector, (..., d) to (...); summed as the library does, to the last bit."""
    if norm == "Linf":
        return vectors.abs().amax(-1)
    return vectors.abs().sum(-1) if norm == "L1" else (vectors**2).sum(-1).sqrt()


def _untargeted(setup: Setup) -> list[Round]:
    return [as_round(fab, restart=i) for i in range(5)]


def _targeted(setup: Setup) -> list[Round]:
    return targeted_rounds(fab, places_of(_aims(setup)), drawn=False)


def _aims(setup: Setup) -> int:
    return other_classes(setup, 9)


NEAREST = Attack("fab", 3, _untargeted, lambda setup: 200.0 + 200.0 * setup.classes, library=True)
TARGETED = Attack("fab-t", 6, _targeted, lambda setup: 400.0, aims=_aims, library=True)
