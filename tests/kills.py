"""Killing work at random moments until it is through, for scripts that import once and fork."""

import os
import random
import signal
import time
from collections.abc import Callable


def attempt(work: Callable[[], None]) -> int:
    """Do some work in a fork; its process, or never back where it is the fork itself."""
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return pid


def killed_until_done(work: Callable[[], None], kills: int, longest: float) -> int:
    """How often the work was killed, at most `longest` seconds after it began, before it ended."""
    chance, done = random.Random(5), 0
    while True:
        pid = attempt(work)
        if done < kills:
            time.sleep(chance.uniform(0.02, longest))
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if status == 0:
            return done
        assert os.WIFSIGNALED(status), status
        done += 1
