"""Attacks on a set: window by window, shared by ranks, going on after a kill to the same result.

A window is images that are attacked together, in order of the set; rank r of R does windows r,
r + R, and so on.  What is found for a window is a file in the job's folder, and so is what a window
under way goes on from.  No outcome depends on windows, batches or ranks, since random numbers
belong to the images (advlib.attacks.draws.Keyed).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from advlib.attacks import checks
from advlib.attacks.draws import Keyed, Library, seed_of
from advlib.attacks.found import Found, findings_of
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.suites import Carry, Suite
from advlib.errors import CannotError
from advlib.jobs.memory import enough_memory
from advlib.jobs.store import Store
from advlib.shards.augmentation import to_float
from advlib.shards.pictures import eight_bits
from advlib.shards.reader import ShardSet

DONE, UNDER_WAY = "window-{:06d}.safetensors", "under-way-{:06d}.safetensors"
BATCHES = 4  # of a window at most: enough that the images left still fill one
SAVE_EVERY = 20.0  # seconds, between saves of a window under way
STATE = ("robust", "adversarial", "logits")  # of a problem under way


def attack_store(folder: str) -> Store:
    """The folder in which an attack on a set keeps what it did, and from which it goes on."""
    return Store(folder, key="advattack", work="attack", redone="its images are attacked anew")


@dataclass(frozen=True)
class Progress:
    """Where a rank's work stands.

    left: images that `stage` is at.  robust: of the `seen` images that are through or in the
    window, those not fooled so far.  remaining: seconds, None while that cannot be told.
    """

    stage: str
    left: int
    robust: int
    seen: int
    remaining: float | None


@dataclass
class Job:
    """The attack of a suite on the first `count` images of a set.

    identity: JSON that says what is attacked and how; a store of another job is refused.
    rank, ranks, device: of this process.  library_draws: random numbers as the library's, for which
    all images are one window and rank 0 does it.  name: of the classifier, in messages.
    store: where a killed job finds what it did; to be set before `begin`.
    """

    source: ShardSet
    suite: Suite
    oracle: Oracle
    count: int
    seed: int
    store: Store | None
    identity: Mapping
    device: torch.device
    rank: int = 0
    ranks: int = 1
    library_draws: bool = False
    name: str = "the classifier"
    report: Callable[[Progress], None] = lambda progress: None
    warn: Callable[[checks.Finding], None] = lambda finding: None  # of what is seen beforehand

    def begin(self) -> None:
        """Take up the job that the store holds, or begin one in it.

        Raises DataError for a store of another job.
        """
        window = self.count
        if not self.library_draws:
            # two for each of several ranks, since images of one window may take longer, unless
            # those were less than a batch
            share, batch = -(-self.count // self.ranks), self.oracle.batch
            if self.ranks > 1:
                share = max(share // 2, min(share, batch))
            window = min(share, BATCHES * batch)
        # as the job began with, since ranks and batch may differ when it goes on
        settled = self.store.settle(self.identity, {"window": window}, self.rank == 0)
        self.window = settled["window"]
        self.windows = -(-self.count // self.window)
        self._begun = time.monotonic()
        self._through = [0, 0]  # images of windows that are done, and those robust

    def run(self) -> None:
        """Attack all windows of this rank that are not done yet.

        Raises DataError for logits that are no numbers and labels the classifier does not know;
        CannotError where memory or the disk ends.
        """
        for index in range(self.rank, self.windows, self.ranks):
            found = self._done(index)
            if found is None:
                with enough_memory(
                    f"out of memory with {self.oracle.batch} images a batch: take a smaller --batch"
                ):
                    found = self._attack(index)
                self.store.write(DONE.format(index), found.tensors(), found.about())
                self.store.drop(UNDER_WAY.format(index))
            self._through[0] += len(found)
            self._through[1] += int(found.robust.sum())

    def results(self) -> Iterator[Found]:
        """All windows in order; to be asked of one rank when all are done."""
        for index in range(self.windows):
            found = self._done(index)
            if found is None:
                raise CannotError(f"{self.store.folder}: window {index} is not there")
            yield found

    def _done(self, index: int) -> Found | None:
        read = self.store.read(DONE.format(index))
        return Found.of(*read) if read else None

    def _attack(self, index: int) -> Found:
        numbers = np.arange(index * self.window, min((index + 1) * self.window, self.count))
        problem = self._problem(numbers)
        if (state := self._resumed(index, problem)) is None:
            if index == 0:
                self._check(problem)
            state = (0, 0, {}, {})
        stage, turn, carry, costs = state
        saved = time.monotonic()
        for i, part in list(enumerate(self.suite.stages))[stage:]:
            problem.attack = part.name
            if i > stage:
                turn, carry = 0, {}
            problem.draws.begin(part.number, problem.left())
            for j, attack in list(enumerate(part.rounds))[turn:]:
                problem.tick = self._ticker(problem, i, j)
                self._seed(index, part.number, j)
                carry = self._round(attack, problem, carry, costs.setdefault(part.name, {}))
                whole = j + 1 == len(part.rounds)
                # the library's random numbers cannot be taken up in the middle of a stage
                if (whole or not self.library_draws) and time.monotonic() - saved > SAVE_EVERY:
                    at = (i + 1, 0) if whole else (i, j + 1)
                    self._save(index, problem, at, {} if whole else carry, costs)
                    saved = time.monotonic()
        return self._found(numbers, problem, costs)

    def _problem(self, numbers: np.ndarray) -> Problem:
        chunk = self.source.read(numbers, fields=())
        images = to_float(torch.from_numpy(chunk.image).to(self.device)).contiguous()
        label = torch.from_numpy(chunk.label).to(self.device)
        number = torch.from_numpy(numbers).to(self.device)
        draws = (
            Library(self.seed, self.oracle.batch)
            if self.library_draws
            else Keyed(self.seed, number)
        )
        self._seed(int(numbers[0]))
        problem = Problem(self.oracle, images, label, self.suite.norm, self.suite.eps, draws)
        problem.name, problem.first = self.name, int(numbers[0])
        checks.check_logits(problem.clean, label, self.name, self.source.name, numbers)
        return problem

    def _seed(self, *place: int) -> None:
        """Begin torch's own random numbers anew, which a network may draw."""
        torch.manual_seed(seed_of(self.seed, *place))

    def _round(self, attack, problem: Problem, carry: Carry, cost: dict) -> Carry:
        """Do a round, and add what it cost."""
        oracle, begun = self.oracle, time.monotonic()
        before = oracle.forwards, oracle.backwards
        if len(problem.left()):
            carry = attack(problem, carry)
        spent = (
            time.monotonic() - begun,
            oracle.forwards - before[0],
            oracle.backwards - before[1],
        )
        for name, value in zip(("seconds", "forwards", "backwards"), spent, strict=True):
            cost[name] = cost.get(name, 0) + value
        return carry

    def _check(self, problem: Problem) -> None:
        first, aims = slice(0, self.oracle.batch), self.suite.aims
        found = checks.before(
            self.oracle.exact,
            problem.images[first],
            problem.label[first],
            randomised_expected=self.suite.randomised,
            attacks=[stage.name for stage in self.suite.stages],
            apgd_targets=aims.get("apgd-t", 0),
            fab_targets=aims.get("fab-t", 0),
        )
        for finding in found:
            problem.find(finding)
            self.warn(finding)

    def _found(self, numbers: np.ndarray, problem: Problem, costs: dict) -> Found:
        adversarial = np.ascontiguousarray(problem.adversarial.permute(0, 2, 3, 1).cpu().numpy())
        seen = to_float(torch.from_numpy(eight_bits(adversarial)).to(self.device)).contiguous()
        clean, logits, shown = (
            value.float().cpu().numpy()
            for value in (problem.clean, problem.logits, self.oracle.judge(seen))
        )
        return Found(
            numbers,
            problem.label.cpu().numpy(),
            adversarial,
            clean,
            logits,
            shown,
            np.array(problem.by, object),
            costs,
            problem.findings,
            problem.zero_gradients,
        )

    def _save(
        self, index: int, problem: Problem, at: tuple[int, int], carry: Carry, costs: dict
    ) -> None:
        """Keep what a window goes on from: at a stage and a round of it."""
        tensors: dict[str, Tensor] = {name: getattr(problem, name) for name in STATE}
        tensors |= {f"carry.{name}": value for name, value in carry.items()}
        self.store.write(
            UNDER_WAY.format(index),
            tensors,
            {
                "at": at,
                "by": problem.by,
                "costs": costs,
                "zero_gradients": problem.zero_gradients,
                "findings": [asdict(finding) for finding in problem.findings],
            },
        )

    def _resumed(self, index: int, problem: Problem) -> tuple[int, int, Carry, dict] | None:
        """Put back what was saved, and return stage, round, carry and costs; None without."""
        read = self.store.read(UNDER_WAY.format(index))
        if read is None:
            return None
        tensors = {name: value.to(self.device) for name, value in read[0].items()}
        for name in STATE:
            setattr(problem, name, tensors.pop(name))
        about = findings_of(read[1])
        problem.by, problem.findings = read[1]["by"], about["findings"]
        problem.zero_gradients = about["zero_gradients"]
        carry = {name.removeprefix("carry."): value for name, value in tensors.items()}
        return *read[1]["at"], carry, about["costs"]

    def _ticker(self, problem: Problem, stage: int, turn: int) -> Callable[[int], None]:
        """Tells where the work stands, some times a second."""
        stages, oracle = self.suite.stages, self.oracle
        whole = sum(part.cost * len(part.rounds) for part in stages)
        ahead = sum(part.cost * len(part.rounds) for part in stages[stage:])
        ahead -= stages[stage].cost * turn
        images, robust = self._through
        seen = images + len(problem.label)
        later = len(range(self.rank, self.windows, self.ranks)) * self.window - seen
        last = 0.0

        def tick(left: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < 0.2:
                return
            last = now
            here = int(problem.robust.sum())
            asked = oracle.forwards + 2 * oracle.backwards
            wanted = here * ahead + max(later, 0) * (robust + here) / seen * whole
            remaining = wanted * (now - self._begun) / asked if asked else None
            alive = min(left, here)  # an attack may make several tries at an image at once
            self.report(Progress(stages[stage].name, alive, robust + here, seen, remaining))

        return tick
