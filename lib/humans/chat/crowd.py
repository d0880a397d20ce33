"""Many requests under way at once, until all are answered or the process is asked to stop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

LOOK = 0.1  # seconds between two looks at whether to stop
GRACE = 20.0  # seconds for requests under way once asked to stop: schedulers leave 30


def sleeper(stop: Callable[[], bool]) -> Callable[[float], Awaitable[None]]:
    """Sleeping for seconds, which is cancelled where the process is asked to stop."""

    async def sleep(seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if stop():
                raise asyncio.CancelledError
            await asyncio.sleep(min(left, LOOK))

    return sleep


async def run_all(
    tasks: Iterable[Task],
    run: Callable[[Task], Awaitable[Result]],
    done: Callable[[Task, Result], None],
    *,
    at_once: int,
    stop: Callable[[], bool] = lambda: False,
    look: Callable[[], None] = lambda: None,
) -> bool:
    """Run all tasks, at most `at_once` at a time; whether all were, and not stopped.

    done: called with each result, at once.  stop: whether to begin no more; those under way may
    end within GRACE, or cancel themselves.  look: called from time to time.  What any raises ends
    all.
    """
    waiting = iter(tasks)
    under_way: dict[asyncio.Task[Result], Task] = {}
    more, asked = True, None
    try:
        while True:
            if asked is None and stop():
                asked = time.monotonic()
            while more and asked is None and len(under_way) < at_once:
                try:
                    task = next(waiting)
                except StopIteration:
                    more = False
                    break
                under_way[asyncio.ensure_future(run(task))] = task
            if not under_way or (asked is not None and time.monotonic() - asked > GRACE):
                return not more and not under_way
            ended, _ = await asyncio.wait(
                under_way, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
            )
            for one in ended:
                task = under_way.pop(one)
                if one.cancelled():  # it waited, and saw that there is to be an end
                    more = True
                else:
                    done(task, one.result())
            look()
    finally:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
