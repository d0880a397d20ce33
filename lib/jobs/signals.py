"""Signals to a long job: one asks it to save and leave, and its helpers are spared them.

Schedulers and torchrun send signals to a whole process group, a terminal to all of its foreground.
A job is to finish its step and save, for which it needs the processes that it started.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

GROUP = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)  # what a whole group gets
PATIENCE = 1.0  # seconds within which a signal that is repeated means what it did


class Signalled(BaseException):
    """A signal to the group ends this process; no error, lest what catches errors goes on."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.number = 0  # of the first signal
        self._when = 0.0

    def __bool__(self) -> bool:
        return self.number != 0

    @property
    def status(self) -> int:
        """The exit status; SIGTERM's where it was another rank that got the signal."""
        return 128 + (self.number or signal.SIGTERM)

    def check(self) -> None:
        """Signalled if this process was asked to stop."""
        if self:
            raise Signalled(self.number)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals to the group are requests while the block lasts.

        One that the process was started to ignore, as nohup does with SIGHUP, stays ignored.
        """
        before = {number: signal.getsignal(number) for number in GROUP}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._receive)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """Note a signal.  Ctrl-C pressed again, a second later, interrupts at once."""
        now = time.monotonic()
        if self and number == signal.SIGINT and now - self._when > PATIENCE:
            signal.default_int_handler(number, frame)
        self.number, self._when = self.number or number, now


def raise_signals() -> list[int]:
    """Let each signal to the group raise from now on; returns where those that came are listed.

    Ctrl-C raises KeyboardInterrupt, the others Signalled.  One that is repeated at once, as
    torchrun repeats them, does nothing more; one that the process was started to ignore, nothing.
    """
    seen: list[int] = []
    process, when = os.getpid(), float("-inf")

    def receive(number: int, frame: FrameType | None) -> None:
        nonlocal when
        if os.getpid() != process:  # a process that was forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        now = time.monotonic()
        before, when = when, now
        seen.append(number)
        if now - before <= PATIENCE:
            return
        if number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        raise Signalled(number)

    for number in GROUP:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, receive)
    return seen


@contextlib.contextmanager
def broken_pipes_raise() -> Iterator[None]:
    """A connection that the other side closed raises BrokenPipeError in the block, where it would
    end the process, as it does where SIGPIPE has its default meaning.
    """
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Signals to the group reach this process after the block; those it starts in it, never."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(*_: object) -> None:
    """In a process that was started while signals were held: end where its parent says so.

    The parent's SIGTERM ends it; any other signal to the group is the parent's business.
    """
    parent = os.getppid()

    def wait() -> None:
        while True:
            found = signal.sigwaitinfo(GROUP)
            if found.si_signo == signal.SIGTERM and found.si_pid == parent:
                os._exit(0)

    if hasattr(signal, "sigwaitinfo"):  # not on macOS, where they stay held
        threading.Thread(target=wait, daemon=True).start()
