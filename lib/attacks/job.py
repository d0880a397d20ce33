"""Attacks on a set: window by window, shared by ranks, going on after a kill to the same result.

A window is images that are attacked together, in order of the set; rank r of R does windows r,
r + R, and so on.  What is found for a window is a file in the job's folder, and so is what a window
under way goes on from.  No outcome depends on windows, batches or ranks, since random numbers
belong to the images (advlib.attacks.draws.Keyed).
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advlib.attacks.checks import Finding, spread
from advlib.attacks.found import Found
from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import KEPT, Problem
from advlib.attacks.progress import Meter, Progress
from advlib.attacks.rounds import Place, check_before, problem_of, rounds
from advlib.attacks.stages import Suite
from advlib.errors import CannotError
from advlib.jobs.agreement import require_same_work, require_shared_folder
from advlib.jobs.memory import enough_memory
from advlib.jobs.ranks import Ranks
from advlib.jobs.signals import Signalled
from advlib.jobs.store import Store
from advlib.shards.augmentation import to_float
from advlib.shards.reader import ShardSet

DONE, UNDER_WAY = "window-{:06d}.safetensors", "under-way-{:06d}.safetensors"
BATCHES = 4  # of a window at most: enough that the images left still fill one
SAVE_EVERY = 20.0  # seconds, between saves of a window under way


def attack_store(folder: str) -> Store:
    """The folder in which an attack on a set keeps what it did, and from which it goes on."""
    return Store(folder, key="advattack", work="attack", redone="its images are attacked anew")


def window_size(count: int, batch: int, ranks: int = 1) -> int:
    """How many of `count` images are attacked together."""
    share = -(-count // ranks)
    if ranks > 1:
        # two windows for each rank, since images of one may take longer, unless those were less
        # than a batch
        share = max(share // 2, min(share, batch))
    return min(share, BATCHES * batch)


@dataclass(kw_only=True)
class Job:
    """The attack of a suite on the first `count` images of a set.

    identity: JSON that says what is attacked and how; versions: of what computes.  A store of
    another job, or of one begun with other versions, is refused.
    ranks: this process among others.  With the library's random numbers all images are one window,
    and rank 0 does it.  store: where a killed job finds what it did.
    stop: called often, and may raise Signalled to end the job where it stands.
    """

    source: ShardSet
    count: int
    suite: Suite
    oracle: Oracle
    ranks: Ranks
    store: Store
    identity: Mapping[str, Any]
    stop: Callable[[], None] = lambda: None
    versions: Mapping[str, str] = field(default_factory=dict)
    window: int = field(init=False, default=0)  # images of one
    windows: int = field(init=False, default=0)

    @property
    def begun_as(self) -> dict[str, Any]:
        """What the store knows the job by: numbers of two versions are not mixed."""
        return {"versions": dict(self.versions), **self.identity}

    def begin(self) -> None:
        """Take up the job that the store holds, or begin one in it.

        Raises DataError for a store of another job.
        """
        window = self.count
        if not self.suite.library_draws:
            window = window_size(self.count, self.oracle.batch, self.ranks.ranks)
        # as the job began with, since ranks and batch may differ when it goes on
        settled = self.store.settle(self.begun_as, {"window": window}, self.ranks.first)
        require_shared_folder(self.store.folder, self.ranks)
        require_same_work(self.begun_as, self.ranks)
        self.window = settled["window"]
        self.windows = -(-self.count // self.window)
        self._begun = time.monotonic()
        self._done_images = self._done_robust = 0  # of windows that are through

    def run(
        self,
        report: Callable[[Progress], None] = lambda progress: None,
        warn: Callable[[Finding], None] = lambda finding: None,
    ) -> None:
        """Attack all windows of this rank that are not done yet.

        report: told where the work stands, some times a second.  warn: told what is suspicious
        about the classifier before it is attacked.

        Raises DataError for logits that are no numbers and labels the classifier does not know;
        CannotError where memory or the disk ends; what `stop` raises, once the work is kept.
        """
        self.oracle.pulse = self.stop
        for index in range(self.ranks.rank, self.windows, self.ranks.ranks):
            found = self._done(index)
            if found is None:
                with enough_memory(
                    f"out of memory with {self.oracle.batch} images a batch: take a smaller --batch"
                ):
                    found = self._attack(index, report, warn)
                self.store.write(DONE.format(index), found.tensors(), found.rest())
                self.store.drop(UNDER_WAY.format(index))
            self._done_images += len(found)
            self._done_robust += int(found.robust.sum())

    def results(self) -> Iterator[Found]:
        """All windows in order; to be asked of one rank when all are done."""
        for index in range(self.windows):
            self.stop()
            found = self._done(index)
            if found is None:
                raise CannotError(f"{self.store.folder}: window {index} is not there")
            yield found

    def _done(self, index: int) -> Found | None:
        read = self.store.read(DONE.format(index))
        return Found.read(*read) if read else None

    def _attack(
        self, index: int, report: Callable[[Progress], None], warn: Callable[[Finding], None]
    ) -> Found:
        numbers = np.arange(index * self.window, min((index + 1) * self.window, self.count))
        meter = self._meter(len(numbers), report)
        problem = self._problem(numbers, meter)
        place = self._resumed(index, problem)
        if place is None:
            place = Place()
            if index == 0:
                few = self._images(spread(self.count))
                for finding in check_before(self.suite, problem, *few):
                    warn(finding)
        saved, state = time.monotonic(), None
        try:
            for after in rounds(self.suite, problem, meter, index, place):
                # the library's random numbers cannot be taken up in the middle of a stage
                if after.turn and self.suite.library_draws:
                    continue
                state = _state(problem, after)
                if time.monotonic() - saved > SAVE_EVERY:
                    self._save(index, state)
                    saved, state = time.monotonic(), None
            return Found.of(problem, numbers, place.costs)
        except Signalled:
            if state is not None:  # of the last round that was done, not of the one under way
                self._save(index, state)
            raise

    def _problem(self, numbers: np.ndarray, meter: Meter) -> Problem:
        images, label = self._images(numbers)
        return problem_of(self.suite, self.oracle, images, label, numbers, meter, self.source.name)

    def _images(self, numbers: np.ndarray) -> tuple[Tensor, Tensor]:
        """Images (n, c, h, w) in [0, 1] and labels (n,) by their numbers in the set, (n,)."""
        chunk, device = self.source.read(numbers, fields=()), self.ranks.device
        images = to_float(torch.from_numpy(chunk.image).to(device)).contiguous()
        return images, torch.from_numpy(chunk.label).to(device)

    def _meter(self, images: int, report: Callable[[Progress], None]) -> Meter:
        done = self._done_images

        def say(progress: Progress) -> None:
            self.ranks.sign()
            report(progress)

        mine = len(range(self.ranks.rank, self.windows, self.ranks.ranks)) * self.window
        return Meter(
            self.suite,
            self.oracle,
            say,
            begun=self._begun,
            images=images,
            done=done,
            done_robust=self._done_robust,
            later=mine - done - images,
        )

    def _save(self, index: int, state: tuple[dict[str, Tensor], dict[str, Any]]) -> None:
        """Keep what a window goes on from."""
        self.store.write(UNDER_WAY.format(index), *state)

    def _resumed(self, index: int, problem: Problem) -> Place | None:
        """Put back what was saved, and return where the window stands; None where nothing was."""
        read = self.store.read(UNDER_WAY.format(index))
        if read is None:
            return None
        tensors = {name: value.to(self.ranks.device) for name, value in read[0].items()}
        problem.restore(tensors, read[1])
        carry = {
            name.removeprefix("carry."): value
            for name, value in tensors.items()
            if name not in KEPT
        }
        stage, turn = read[1]["at"]
        return Place(stage, turn, carry, read[1]["costs"])


def _state(problem: Problem, place: Place) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What a window goes on from, as it is at this moment: tensors, and the rest as JSON."""
    tensors, rest = problem.state()
    tensors |= {f"carry.{name}": value for name, value in place.carry.items()}
    rest |= {"at": (place.stage, place.turn), "costs": place.costs}
    return {name: value.clone() for name, value in tensors.items()}, copy.deepcopy(rest)
