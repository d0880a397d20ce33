"""Waiting for ranks whose work takes hours, and finding the one that hangs.

A collective operation of torch ends after a fixed time, which must be short for a hang to be seen,
and long where ranks do unequal work.  Here ranks wait at a barrier for as long as those that have
not come still say, from time to time, that they move on.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from advlib.errors import CannotError

STILL = timedelta(minutes=30)  # without a sign of a rank, after which it counts as hung
SIGN_EVERY = 5.0  # seconds between two signs of a rank
LOOK_EVERY = (0.001, 0.2)  # seconds between two looks at the others: the first pause, the longest


class Counters(Protocol):
    """What torch's stores do: counters that all ranks share, 0 at first."""

    def add(self, key: str, amount: int, /) -> int: ...


class Barrier:
    """Where ranks wait for each other.

    A rank calls `sign` as it works, at most some seconds of work apart, and `wait` to wait.
    """

    def __init__(
        self,
        counters: Counters,
        rank: int,
        ranks: int,
        still: timedelta = STILL,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ):
        """Prepare for the barriers of one job.

        counters: shared by all ranks.  still: the longest time without a sign of a rank.
        """
        self._counters, self._rank, self._ranks = counters, rank, ranks
        self._still, self._clock, self._pause = still.total_seconds(), clock, pause
        self._passed = 0
        self._signed = float("-inf")

    def sign(self) -> None:
        """Say that this rank moves on; cheap, so that it can be called at every step."""
        now = self._clock()
        if now - self._signed >= SIGN_EVERY:
            self._signed = now
            self._counters.add(f"signs of {self._rank}", 1)

    def wait(self, stop: Callable[[], None] = lambda: None) -> None:
        """Wait until all ranks have come here.

        stop: called as it waits, and may raise.
        Raises CannotError naming a rank that gave no sign for too long.
        """
        number, self._passed = self._passed, self._passed + 1
        come = f"barrier {number}"
        self._counters.add(come, 1)
        self._counters.add(f"{come} of {self._rank}", 1)
        seen: dict[int, tuple[int, float]] = {}  # of a rank: its signs, and since when no more
        pause, longest = LOOK_EVERY
        while self._counters.add(come, 0) < self._ranks:
            now = self._clock()
            for other in range(self._ranks):
                if self._counters.add(f"{come} of {other}", 0):
                    continue
                signs = self._counters.add(f"signs of {other}", 0)
                before, since = seen.get(other, (-1, now))
                seen[other] = (signs, now if signs != before else since)
                if now - seen[other][1] > self._still:
                    raise CannotError(
                        f"rank {other} gave no sign for {self._still / 60:.0f} minutes"
                    )
            stop()
            self._pause(pause)
            pause = min(2 * pause, longest)
