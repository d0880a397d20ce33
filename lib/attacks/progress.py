"""How far an attack is, and how long the rest will take."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from advlib.attacks.oracle import Oracle
from advlib.attacks.problem import Problem
from advlib.attacks.stages import Suite

EVERY = 0.2  # seconds between two reports


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


class Meter:
    """Reports, some times a second, on a suite's attack on a window of images."""

    def __init__(
        self,
        suite: Suite,
        oracle: Oracle,
        report: Callable[[Progress], None],
        *,
        begun: float,
        images: int,
        done: int = 0,
        done_robust: int = 0,
        later: int = 0,
    ):
        """Prepare for a window of so many images.

        begun: time.monotonic() when the oracle was first asked.  done, done_robust: images of
        windows that are through, and those not fooled.  later: images of windows to come.
        """
        self._suite, self._oracle, self._report, self._begun = suite, oracle, report, begun
        self._robust, self._later = done_robust, max(later, 0)
        self._seen = done + images
        self._stage, self._ahead, self._last = suite.stages[0], 0.0, 0.0
        self._whole = sum(stage.cost * len(stage.rounds) for stage in suite.stages)

    def begin(self, stage: int, turn: int) -> None:
        """A round begins, number `turn` of the stage of that number."""
        self._stage, self._last = self._suite.stages[stage], 0.0
        ahead = sum(part.cost * len(part.rounds) for part in self._suite.stages[stage:])
        self._ahead = ahead - self._stage.cost * turn  # of each image that is left

    def tick(self, problem: Problem, left: int) -> None:
        """A step begins that is for so many lanes."""
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        here = int(problem.robust.sum())
        asked = self._oracle.forwards + 2 * self._oracle.backwards
        robust = self._robust + here
        wanted = here * self._ahead + self._later * robust / self._seen * self._whole
        remaining = wanted * (now - self._begun) / asked if asked else None
        alive = min(left, here)  # an attack may make several tries at an image at once
        self._report(Progress(self._stage.name, alive, robust, self._seen, remaining))
