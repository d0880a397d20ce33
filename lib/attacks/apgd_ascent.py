"""The ascent of Auto-PGD: many images at once, each with a step size of its own.

Source: Croce and Hein 2020 (arXiv 2003.01690), Alg. 1 and Sec. 3; for L1 Croce and Hein 2021
(arXiv 2103.01208), Sec. 3; settings of AutoAttack.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from advlib.attacks import balls, losses
from advlib.attacks.problem import Problem

MOMENTUM = 0.75  # share of the new step; the rest goes on as before
RISING = 0.75  # share of steps that must raise the loss for the step size to stay
FIRST_CHECK, L1_CHECK = 0.22, 0.04  # share of the steps until the first checkpoint
EARLIER, SOONEST = 0.03, 0.06  # by which checkpoints come closer, and how close, in the same share
SPARSE = 0.2  # share of the pixels that the first steps of L1 move
STILL = 0.95  # L1 takes large steps again where changed pixels fell below this share of the last
FEWER = 1.5  # by which L1 divides its step, and the share of pixels that it moves
SMALLEST = 10.0  # L1's step is no smaller than its first one divided by this


@dataclass
class Lanes:
    """The state of m images that are still climbing: (m,), or points and gradients (m, c, h, w)."""

    lane: Tensor
    place: Tensor  # of the class aimed at; 0 untargeted
    row: Tensor  # among those that the run began with
    image: Tensor
    current: Tensor
    before: Tensor  # the point before the current one
    best: Tensor  # the point of the highest loss
    gradient: Tensor  # at the current point
    best_gradient: Tensor
    loss: Tensor  # at the current point
    best_loss: Tensor
    checked_loss: Tensor  # the best one at the last checkpoint
    halved: Tensor  # whether the last checkpoint halved the step
    rises: Tensor  # steps that raised the loss since then
    step: Tensor
    pixels: Tensor  # L1: share of the pixels that a step moves
    support: Tensor  # L1: how many pixels the best point had changed at the last checkpoint
    missed: Tensor  # the last point that was misclassified
    erred: Tensor  # whether any was

    @classmethod
    def at(cls, lane: Tensor, place: Tensor, image: Tensor, begin: Tensor) -> "Lanes":
        """The lanes at the points `begin`, (m, c, h, w), from which a run starts."""
        begin = begin.clamp(0, 1)
        rows = torch.arange(len(lane), device=image.device)
        true = torch.ones_like(rows, dtype=torch.bool)
        unset = torch.empty(0)
        return cls(
            lane=lane,
            place=place,
            row=rows,
            image=image,
            current=begin,
            before=begin,
            best=begin,
            gradient=unset,
            best_gradient=unset,
            loss=unset,
            best_loss=unset,
            checked_loss=unset,
            halved=true,
            rises=torch.zeros_like(rows),
            step=unset,
            pixels=unset,
            support=unset,
            missed=begin,
            erred=~true,
        )

    def keep(self, which: Tensor) -> None:
        """Drop the others."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[which])


class Ascent:
    """The ascent of many images at once, in balls of one norm."""

    def __init__(
        self,
        problem: Problem,
        values: Callable[[Tensor, Tensor], Tensor],
        eot: int,
        once: bool,
    ):
        """Prepare; see apgd for the settings.

        values: from logits and the rows of images among those that the run began with to losses
        to be raised.
        """
        self.problem, self.values, self.eot = problem, values, eot
        self.once = once
        self.norm = problem.norm
        self.first_step = 1.0 if self.norm == "L1" else 2.0  # in radii

    def run(self, at: Lanes, eps: float, steps: int, claims: bool, warm: bool = False) -> Tensor:
        """Climb from where `at` stands for so many steps in balls of radius `eps`.

        Returns the best points, where no image is dropped on the way.
        claims: whether a misclassified image counts, and is dropped.  warm: whether the start is
        the end of another ascent, not a random point.
        """
        logits, at.loss, at.gradient = self._ask(at)
        self.problem.note_zero_gradients(at.lane[balls.without_direction(at.gradient, self.norm)])
        at.best_loss, at.best_gradient = at.loss.clone(), at.gradient.clone()
        at.checked_loss, at.loss = at.loss.clone(), torch.zeros_like(at.loss)
        at.best = at.current.clone()
        at.step = torch.full_like(at.loss, self.first_step * eps)
        count = at.image[0].numel() if len(at.image) else 1
        at.support = torch.full_like(at.loss, float(count))
        at.pixels = torch.full_like(at.loss, SPARSE)
        if warm:
            at.support = _changed(at)
            at.pixels = at.support / count / FEWER
        every = max(int((L1_CHECK if self.norm == "L1" else FIRST_CHECK) * steps), 1)
        since = 0
        at.missed = at.current
        if claims:
            self._claim(at, logits, at.current)
        for i in range(steps):
            if not len(at.lane):
                break
            self.problem.tick(len(at.lane))
            moved = self._moved(at, eps, 1.0 if i == 0 else MOMENTUM)
            at.before, at.current = at.current, moved
            logits, loss, at.gradient = self._ask(at)
            # rises count from a loss of 0 before the first step, as in the library's code
            at.rises += loss > at.loss
            at.loss = loss
            better = loss > at.best_loss
            rose = balls.per_image(better, at.image)
            at.best = torch.where(rose, at.current, at.best)
            at.best_gradient = torch.where(rose, at.gradient, at.best_gradient)
            at.best_loss = torch.where(better, loss, at.best_loss)
            since += 1
            if since == every:
                since = 0
                if self.norm == "L1":
                    self._sparser(at, eps, count)
                else:
                    self._halve(at, every)
                    closer, soonest = (max(int(part * steps), 1) for part in (EARLIER, SOONEST))
                    every = max(every - closer, soonest)
            if claims:
                # a checkpoint may have moved an image to its best point meanwhile
                self._claim(at, logits, moved)
        if claims and self.once and at.erred.any():
            self._settle(at, at.erred)
        return at.best

    def _ask(self, at: Lanes) -> tuple[Tensor, Tensor, Tensor]:
        of = lambda logits, rows: self.values(logits, at.row[rows])  # noqa: E731
        ask, number = self.problem.oracle.gradient, self.problem.number[at.lane]
        logits, loss, gradient = ask(at.current, of, number)
        for _ in range(self.eot - 1):
            logits, loss, more = ask(at.current, of, number)
            gradient += more
        return logits, loss, gradient / self.eot if self.eot > 1 else gradient

    def _claim(self, at: Lanes, logits: Tensor, points: Tensor) -> None:
        """Drop the images that fool the classifier at their points, or note the points."""
        hit = ~losses.leads(logits, self.problem.label[at.lane])
        if self.once:
            at.missed = torch.where(balls.per_image(hit, points), points, at.missed)
            at.erred = at.erred | hit
        elif hit.any():
            at.missed = points
            self._settle(at, hit)
            at.keep(self.problem.still_counts(at.lane, at.place))

    def _settle(self, at: Lanes, hit: Tensor) -> None:
        found = balls.rounded_in(at.image[hit], at.missed[hit], self.norm, self.problem.eps)
        self.problem.claim(at.lane[hit], found, place=at.place[hit])

    def _moved(self, at: Lanes, eps: float, share: float) -> Tensor:
        """The next points of all images."""
        step = balls.per_image(at.step, at.image)
        if self.norm == "L1":
            return balls.inside(at.image, at.current + _sparse(at, step), self.norm, eps)
        gradient = at.gradient.sign() if self.norm == "Linf" else balls.unit(at.gradient, "L2")
        plain = balls.inside(at.image, at.current + step * gradient, self.norm, eps)
        onward = at.current + (plain - at.current) * share + (at.current - at.before) * (1 - share)
        # an L2 point is no longer in its ball once it was clipped and mixed
        return balls.inside(at.image, onward, self.norm, eps)

    def _halve(self, at: Lanes, every: int) -> None:
        stuck = ~at.halved & (at.checked_loss >= at.best_loss)
        at.halved = (at.rises <= every * RISING) | stuck
        at.checked_loss = at.best_loss.clone()
        at.rises = torch.zeros_like(at.rises)
        at.step = torch.where(at.halved, at.step / 2, at.step)
        self._go_back(at, at.halved)

    def _sparser(self, at: Lanes, eps: float, count: int) -> None:
        support = _changed(at, best=True)
        still = support / at.support < STILL
        at.pixels, at.support = support / count / FEWER, support
        first = self.first_step * eps
        step = torch.where(still, torch.full_like(at.step, first), at.step / FEWER)
        at.step = step.clamp(first / SMALLEST, first)
        self._go_back(at, still)

    def _go_back(self, at: Lanes, which: Tensor) -> None:
        """Let these images go on from their best points."""
        which = balls.per_image(which, at.image)
        at.current = torch.where(which, at.best, at.current)
        at.gradient = torch.where(which, at.best_gradient, at.gradient)


def _changed(at: Lanes, best: bool = False) -> Tensor:
    """How many values of each image a point has changed, (m,) float."""
    point = at.best if best else at.current
    return (point != at.image).flatten(1).sum(1).to(at.loss)


def _sparse(at: Lanes, step: Tensor) -> Tensor:
    """An L1 step of a length (n, 1, 1, 1): signs of the largest gradients, over their number."""
    sign = balls.largest(at.gradient, at.pixels).flatten(1)
    # multiplied, then divided: in this order the rounding is the library's
    return (step.flatten(1) * sign / (sign.abs().sum(1, keepdim=True) + 1e-10)).view_as(at.gradient)
