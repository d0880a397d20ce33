"""What the ranks of a long job must agree on: when they save or stop, their folder, their work.

A signal may reach one rank before another, and clocks differ.  What the ranks do together they must
do at the same step, or they wait for each other for ever.  On several machines a name may be of
another folder, or of another set, on each.
"""

import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Mapping

from advlib.documents import difference
from advlib.errors import CannotError, OnAllRanksError
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


def require_shared_folder(folder: str, ranks: Ranks) -> None:
    """OnAllRanksError unless all see the folder that the first one sees.

    The folder is there on each.  The first rank leaves a file in it for a moment.
    """
    if ranks.ranks == 1:
        return
    mark, failed = "", None
    if ranks.first:
        try:
            handle, mark = tempfile.mkstemp(prefix=".seen-by-all-ranks-", dir=folder)
            os.close(handle)
        except OSError as err:
            failed = err
    name = os.path.basename(ranks.of_all(mark)[0])
    if failed:
        raise CannotError(f"{folder}: {failed.strerror}") from failed
    here = os.path.exists(os.path.join(folder, name))
    hosts = ranks.of_all("" if here else socket.gethostname())
    if ranks.first:
        with contextlib.suppress(OSError):
            os.unlink(mark)
    for rank, host in enumerate(hosts):
        if host:
            raise OnAllRanksError(
                f"{folder}: rank {rank}, on {host}, sees another folder of this name than rank 0:"
                " all machines must see the same folder"
            )


def require_same_work(work: Mapping, ranks: Ranks) -> None:
    """OnAllRanksError where a rank is at other work.  work: JSON."""
    if ranks.ranks == 1:
        return
    first, *others = map(json.loads, ranks.of_all(json.dumps(work)))
    for rank, its in enumerate(others, 1):
        if other := difference(its, first):
            raise OnAllRanksError(
                f"rank {rank} is at other work than rank 0, {other} on rank 0: all machines must"
                " read the same sets, with the same options"
            )
