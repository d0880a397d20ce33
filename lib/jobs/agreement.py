"""When the ranks of a long job save or stop: all at the same step, though each has its own clock.

A signal may reach one rank before another, and clocks differ.  What the ranks do together they must
do at the same step, or they wait for each other for ever.
"""

import time

from advlib.jobs.ranks import Ranks

MOST_STEPS = 10  # between two questions
WITHIN = 5.0  # seconds between them, as steps allow: torchrun ends ranks 30 s after SIGTERM


class Agreement:
    """Asks all ranks whether one was asked to stop, and whether it is time to save."""

    def __init__(self, ranks: Ranks):
        self.ranks = ranks

    def begin(self, step: int) -> None:
        """Work begins at a step, with nothing to be saved."""
        self._saved = self._asked = time.monotonic()
        self._at = self._next = step

    def saved(self) -> None:
        """The state was saved now."""
        self._saved = time.monotonic()

    def ask(self, step: int, stop: bool, every: float) -> tuple[bool, bool]:
        """After a step: whether to stop, and whether to save; on all ranks the same.

        stop: whether this rank was asked to.  every: seconds between saves.
        """
        if self.ranks.ranks > 1 and step < self._next:
            return False, False
        now = time.monotonic()
        took = (now - self._asked) / max(1, step - self._at)
        due = now - self._saved > every
        any_stop, any_due, took = self.ranks.most([stop, due, took])
        # by the time of the slowest rank, which is known to all, so that all ask again together
        self._asked, self._at = now, step
        self._next = step + max(1, min(MOST_STEPS, int(WITHIN / max(took, 1e-9))))
        return bool(any_stop), bool(any_stop or any_due)
