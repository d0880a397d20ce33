"""Square Attack: a random search without gradients.

    x_0 = a random point of the ball
    z_t = x_t with a square of it changed at random
    x_(t+1) = z_t where margin(z_t) < margin(x_t), else x_t

An image is done once its margin z_y - max_(j != y) z_j is 0 or less.

Source: Andriushchenko, Croce, Flammarion and Hein 2020 (arXiv 1912.00049), Alg. 1, with the
settings of AutoAttack (Croce and Hein 2020, arXiv 2003.01690): margin loss, a first share of 0.8,
5000 steps, one start, and sides by the number of the step however many steps there are.
"""

from functools import partial

import torch
from torch import Tensor

from advlib.attacks.draws import Draws, Keyed
from advlib.attacks.losses import margin
from advlib.attacks.problem import Problem
from advlib.attacks.square_proposals import TILES, Proposals, proposals
from advlib.attacks.stages import Attack, Carry, Round, Setup

STEPS = 5000
PARTS = 10  # rounds that the steps are split into
AHEAD = 100  # steps whose numbers are drawn at once, where numbers do not hang on each other
USEFUL = 0.25  # a lane is asked ahead for as many steps as bring so many better points on average
MEMORY = 0.05  # weight of the last step in the running share of steps that brought a better point
TINY = 1e-9
BLOCK = 1 << 26  # most numbers in the candidates that are made at once
LOOK_EVERY = 8  # steps between looks at which lanes are done, where a look waits for the device
FREE_LOOKS = ("cpu",)  # devices where it does not


def square(
    problem: Problem, *, first: int = 0, last: int = STEPS, carry: Carry | None = None
) -> Carry:
    """Do steps `first` to `last` - 1 on the images left; returns what the next round goes on from.

    With `first` 0, the start is drawn and tried.  Else `carry` is what the round before returned:
    lanes (m,) still to be fooled, their best points (m, c, h, w) and margins (m,).  However steps
    are split into rounds, the outcome is the same, where the stage of the draws is the same
    (Keyed), or has not begun anew (Library).
    """
    made = proposals(problem.norm, problem.eps, problem.images.shape[1:])
    search = _Search(problem, made, None if first == 0 else carry)
    if first == 0:
        search.start()
    numbers = (_Ahead if isinstance(problem.draws, Keyed) else _Stepwise)(problem.draws, made)
    step = first
    while step < last and len(search.lanes):
        problem.tick(len(search.lanes))
        side, count = made.side(step), 1
        most = min(search.at_once(), numbers.most(step), last - step)
        while count < most and made.side(step + count) == side:
            count += 1
        search.steps(numbers.of(step, count, search.lanes), side)
        step += count
    return {"lanes": search.lanes, "best": search.best, "margin": search.margin}


class _Search:
    """The lanes still to be fooled, and all that a step needs of them, in the same order."""

    def __init__(self, problem: Problem, made: Proposals, carry: Carry | None):
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

        self._looks_wait = problem.images.device.type not in FREE_LOOKS
        self._in_turn = False  # whether steps are done one by one, without a look
        self._rate = 1.0  # share of late steps that brought a better point

    def start(self) -> None:
        """Go to a random point of each ball."""
        numbers = self._made.draw(self._problem.draws, self.lanes)
        done = []
        for block in self._blocks():
            _, points = self._made.start(self._images[block], numbers[block])
            rows = torch.arange(len(self.lanes), device=self.lanes.device)[block]
            _, finished = self._keep(rows, points, self._margins(points, rows))
            done.append(finished)
        self._drop(done)

    def at_once(self) -> int:
        """How many steps to do until the next look at which lanes are done.

        Asked ahead are fewer, the more often a step brings a better point.
        """
        room = self._problem.oracle.width // len(self.lanes)
        ahead = max(1, min(room, int(USEFUL / max(self._rate, TINY))))
        self._in_turn = ahead == 1 and self._looks_wait
        return LOOK_EVERY if self._in_turn else ahead

    def steps(self, numbers: Tensor, side: int) -> None:
        """Do some steps of each lane.

        numbers: (lanes, steps, shared + own) in [0, 1).  side: of squares, in pixels.
        """
        done: list[Tensor] = []
        better = 0
        for block in self._blocks():
            way = self._one_by_one if self._in_turn else self._ahead
            found, finished = way(block, numbers[block], side)
            better += found
            done.append(finished)
        share = better / (len(self.lanes) * numbers.shape[1])
        self._rate += (share - self._rate) * min(1.0, MEMORY * numbers.shape[1])
        self._drop(done)

    def _one_by_one(self, block: slice, numbers: Tensor, side: int) -> tuple[int, Tensor]:
        """As `_ahead`, a step after the other; waits for the device once, at the end."""
        rows = torch.arange(block.start, block.stop, device=numbers.device)
        best, margins = self.best[block], self.margin[block]  # where they lie
        fooled, accepted = torch.zeros_like(rows, dtype=torch.bool), torch.zeros_like(rows)
        for turn in numbers.unbind(1):
            tried = self._made.tried(self._images[block], best, turn, side)
            found = self._margins(tried, rows)
            better = (found < margins) & ~fooled
            best.copy_(torch.where(better[:, None, None, None], tried, best))
            margins.copy_(torch.where(better, found, margins))
            fooled |= better & (found <= 0)
            accepted += better
        row = rows[fooled]
        _, finished = self._keep(row, self.best[row], self.margin[row])
        return int(accepted.sum()), finished

    def _ahead(self, block: slice, numbers: Tensor, side: int) -> tuple[int, Tensor]:
        """Do a block's steps: how many brought a better point, and the rows that are done.

        The candidates of all steps are asked for at once, as if none were better.  Where one is,
        the lane's later ones began at a point that is no longer its best, and are made again.
        """
        count, begin = numbers.shape[1], block.start
        turns = torch.arange(count, device=numbers.device)
        at = torch.zeros(len(numbers), dtype=torch.long, device=numbers.device)  # next of each
        done: list[Tensor] = []
        accepted = 0
        while True:
            # all that are left in the first pass, which is often the only one
            row, turn = (at[:, None] <= turns).nonzero().unbind(1)
            if not len(row):
                return accepted, torch.cat(done) if done else row
            at.fill_(count)
            which, tried = self._made.propose(
                self._images[row + begin], self.best[row + begin], numbers[row, turn], side
            )
            if not len(which):
                continue
            row, turn = row[which], turn[which]
            found = self._margins(tried, row + begin)
            better = (found < self.margin[row + begin]).nonzero()[:, 0]
            if not len(better):
                continue
            first = at.scatter_reduce(0, row[better], turn[better], "amin")
            better = better[turn[better] == first[row[better]]]
            row, turn = row[better], turn[better]
            kept, finished = self._keep(row + begin, tried[better], found[better])
            accepted += len(row)
            at[row[kept]] = turn[kept] + 1
            done.append(finished)

    def _margins(self, points: Tensor, rows: Tensor) -> Tensor:
        logits = self._problem.oracle.logits(points, self._problem.number[self.lanes[rows]])
        return margin(logits, self._label[rows]).double()

    def _keep(self, rows: Tensor, points: Tensor, margins: Tensor) -> tuple[Tensor, Tensor]:
        """Take points as the best, and claim those that fool.

        Returns which go on, (m,) bool, and the rows that are done.
        """
        self.best[rows], self.margin[rows] = points, margins
        goes_on = torch.ones_like(rows, dtype=torch.bool)
        fooled = (margins <= 0).nonzero()[:, 0]
        if len(fooled):
            # the L1 projection rounds to just outside [0, 1]
            confirmed = self._problem.claim(self.lanes[rows[fooled]], points[fooled].clamp(0, 1))
            # at 0 the library stops, even where the tie is not lost; below 0 the fast model erred,
            # and the search goes on from there
            goes_on[fooled] = ~(confirmed | (margins[fooled] == 0))
        return goes_on, rows[~goes_on]

    def _blocks(self) -> list[slice]:
        count = len(self.lanes)
        return [slice(i, min(i + self._block, count)) for i in range(0, count, self._block)]

    def _drop(self, done: list[Tensor]) -> None:
        """Leave out the rows that are done."""
        if not any(map(len, done)):
            return
        kept = torch.ones_like(self.lanes, dtype=torch.bool)
        kept[torch.cat(done)] = False
        for name in ("lanes", "best", "margin", "_images", "_label"):
            setattr(self, name, getattr(self, name)[kept])


class _Stepwise:
    """The numbers of steps, in the order in which the library draws them."""

    def __init__(self, draws: Draws, made: Proposals):
        self._draws, self._made = draws, made

    def most(self, step: int) -> int:
        """How many steps may be asked for from `step` on."""
        # what is drawn for each image depends on how many of them are left
        return 1 if self._made.own else AHEAD

    def of(self, step: int, count: int, lanes: Tensor) -> Tensor:
        """Those of steps, (lanes, count, shared + own)."""
        return torch.stack([self._one(step + i, lanes) for i in range(count)], 1)

    def _one(self, step: int, lanes: Tensor) -> Tensor:
        numbers = self._draws.shared(lanes, (self._made.shared,), 2, step)
        if not self._made.own:
            return numbers
        return torch.cat((numbers, self._draws.uniform(lanes, (self._made.own,), 3, step)), 1)


class _Ahead:
    """The numbers of steps, of many at once: thousands of small draws would cost more."""

    def __init__(self, draws: Draws, made: Proposals):
        self._draws, self._shape = draws, (AHEAD, made.shared + made.own)
        self._chunk, self._lanes, self._numbers = -1, torch.empty(0), torch.empty(0)

    def most(self, step: int) -> int:
        """How many steps may be asked for from `step` on."""
        return AHEAD - step % AHEAD

    def of(self, step: int, count: int, lanes: Tensor) -> Tensor:
        """Those of steps, (lanes, count, shared + own)."""
        chunk, row = divmod(step, AHEAD)
        if chunk != self._chunk:
            self._chunk, self._lanes = chunk, lanes
            self._numbers = self._draws.uniform(lanes, self._shape, 2, chunk)
        # fewer lanes are left than when the chunk was drawn
        return self._numbers[torch.searchsorted(self._lanes, lanes), row : row + count]


def _round(problem: Problem, carry: Carry, first: int, last: int) -> Carry:
    return square(problem, first=first, last=last, carry=carry)


def _rounds(setup: Setup) -> list[Round]:
    each = STEPS // PARTS
    return [partial(_round, first=i * each, last=(i + 1) * each) for i in range(PARTS)]


def _needs(setup: Setup) -> str:
    """Where the search starts in L2 and L1 are rows of tiles, of a pixel or more."""
    return "" if setup.norm == "Linf" or setup.shape[1] >= TILES else f"{TILES} rows of pixels"


SQUARE = Attack(
    "square", 4, _rounds, lambda setup: float(STEPS // PARTS), needs=_needs, library=True
)
