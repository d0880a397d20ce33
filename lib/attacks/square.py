"""Square Attack: a random search without gradients.

    x_0 = a random point of the ball
    z_t = x_t with a square of it changed at random
    x_(t+1) = z_t where margin(z_t) < margin(x_t), else x_t

An image is done once its margin z_y - max_(j != y) z_j is 0 or less.

Source: Andriushchenko, Croce, Flammarion and Hein 2020 (arXiv 1912.00049), Alg. 1, with the
settings of AutoAttack (Croce and Hein 2020, arXiv 2003.01690): margin loss, a first share of 0.8,
5000 steps, one start, and sides by the number of the step however many steps there are.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from advlib.attacks.draws import Draws, Keyed
from advlib.attacks.losses import margin
from advlib.attacks.problem import Problem
from advlib.attacks.squares import Squares, squares

STEPS = 5000
AHEAD = 100  # steps whose numbers are drawn at once, where numbers do not hang on each other
BLOCK = 1 << 26  # most numbers in the candidates that are made at once

Carry = dict[str, Tensor]


def square(
    problem: Problem, *, first: int = 0, last: int = STEPS, carry: Carry | None = None
) -> Carry:
    """Steps `first` to `last` - 1 on the images left; what a round from `last` on carries on from.

    With `first` 0, the start is drawn and judged.  Else `carry` is what the round before returned:
    lanes (m,) still to be fooled, their best points (m, c, h, w) and margins (m,).  However steps
    are split into rounds, the outcome is the same, where the stage of the draws is the same
    (Keyed), or has not begun anew (Library).
    """
    made = squares(problem.norm, problem.eps, problem.images.shape[1:])
    search = _Search(problem, made, None if first == 0 else carry)
    if first == 0:
        search.start()
    numbers = (_Ahead if isinstance(problem.draws, Keyed) else _Stepwise)(problem.draws, made)
    for step in range(first, last):
        if not len(search.lanes):
            break
        problem.tick(len(search.lanes))
        search.step(numbers.of(step, search.lanes), made.side(step))
    return {"lanes": search.lanes, "best": search.best, "margin": search.margin}


class _Search:
    """The lanes still to be fooled, and all that a step needs of them, in the same order."""

    def __init__(self, problem: Problem, made: Squares, carry: Carry | None):
        self._problem, self._made = problem, made
        if carry is None:
            self.lanes = problem.left()
            self.best = problem.images[self.lanes].contiguous()
            # float64 holds the margins of every model as they are
            self.margin = self.best.new_full(self.lanes.shape, float("inf"), dtype=torch.double)
        else:  # without the lanes that another attack has fooled since
            left = problem.robust[carry["lanes"]]
            self.lanes, self.best, self.margin = (
                carry[name][left] for name in ("lanes", "best", "margin")
            )
        # squares are of numbers in rows of pixels, whatever the layout that the images came in
        self._images = problem.images[self.lanes].contiguous()
        self._label = problem.label[self.lanes]
        batch, image = problem.oracle.batch, max(1, problem.images[:1].numel())
        self._block = batch * max(1, BLOCK // (batch * image))

    def start(self) -> None:
        """Go to a random point of each ball."""
        if len(self.lanes):
            numbers = self._made.draw(self._problem.draws, self.lanes)
            self._all(lambda block: self._made.start(self._images[block], numbers[block]))

    def step(self, numbers: Tensor, side: int) -> None:
        """Try a candidate for each lane.

        numbers: (lanes, shared + own) in [0, 1).  side: of squares, in pixels.
        """
        self._all(
            lambda block: self._made.propose(
                self._images[block], self.best[block], numbers[block], side
            )
        )

    def _all(self, candidates: Callable[[slice], tuple[Tensor, Tensor]]) -> None:
        """Ask for candidates of all lanes, by block, and drop the lanes that are done."""
        done = []
        for begin in range(0, len(self.lanes), self._block):
            rows, tried = candidates(slice(begin, begin + self._block))
            if len(rows):
                done += self._try(rows + begin, tried)
        if done:
            kept = torch.ones_like(self.lanes, dtype=torch.bool)
            kept[torch.cat(done)] = False
            kept = kept.nonzero()[:, 0]
            self.lanes, self.best, self.margin = (
                self.lanes[kept],
                self.best[kept],
                self.margin[kept],
            )
            self._images, self._label = self._images[kept], self._label[kept]

    def _try(self, rows: Tensor, candidates: Tensor) -> list[Tensor]:
        """Keep the better candidates, claim those that fool; the rows that are done, in a list."""
        found = margin(self._problem.oracle.logits(candidates), self._label[rows]).double()
        better = (found < self.margin[rows]).nonzero()[:, 0]
        if not len(better):
            return []
        rows, candidates, found = rows[better], candidates[better], found[better]
        self.best[rows], self.margin[rows] = candidates, found
        fooled = (found <= 0).nonzero()[:, 0]
        if not len(fooled):
            return []
        rows, found = rows[fooled], found[fooled]
        # the L1 projection rounds to just outside [0, 1]
        confirmed = self._problem.claim(self.lanes[rows], candidates[fooled].clamp(0, 1))
        # at 0 the library stops, even where the tie is not lost; below 0 the fast model erred, and
        # the search goes on from there
        return [rows[confirmed | (found == 0)]]


class _Stepwise:
    """The numbers of steps, in the order in which the library draws them."""

    def __init__(self, draws: Draws, made: Squares):
        self._draws, self._made = draws, made

    def of(self, step: int, lanes: Tensor) -> Tensor:
        """Those of a step, (lanes, shared + own)."""
        numbers = self._draws.shared(lanes, (self._made.shared,), 2, step)
        if not self._made.own:
            return numbers
        return torch.cat((numbers, self._draws.uniform(lanes, (self._made.own,), 3, step)), 1)


class _Ahead:
    """The numbers of steps, of many at once: thousands of small draws would cost more."""

    def __init__(self, draws: Draws, made: Squares):
        self._draws, self._shape = draws, (AHEAD, made.shared + made.own)
        self._chunk, self._lanes, self._numbers = -1, torch.empty(0), torch.empty(0)

    def of(self, step: int, lanes: Tensor) -> Tensor:
        """Those of a step, (lanes, shared + own)."""
        chunk, row = divmod(step, AHEAD)
        if chunk != self._chunk:
            self._chunk, self._lanes = chunk, lanes
            self._numbers = self._draws.uniform(lanes, self._shape, 2, chunk)
        # fewer lanes are left than when the chunk was drawn
        return self._numbers[torch.searchsorted(self._lanes, lanes), row]
