"""Replies kept as they come, JSON Lines: what was asked once is never asked again.

A request is known again by its digest.  A line that a kill cut short is dropped.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields

from advlib.errors import CannotError, DataError
from advlib.humans.chat.reply import Reply
from advlib.jobs.files import cannot_write
from advlib.jobs.log import HEADER, Log, LogFormat, read_log

FORMAT = LogFormat("advjudge-answers", 1, "file of answers that advjudge keeps")
FIELDS = [field.name for field in fields(Reply)]


class AnswerLog:
    """Replies by the digest of their request, in a file that grows as they come."""

    def __init__(self, path: str | None):
        """No file without a path.  Raises DataError for a file of another kind."""
        self.path = path
        self._replies: dict[str, Reply] = {}
        self.servers: set[str] = set()  # that answered what the file holds
        self._log: Log | None = None
        if path is not None and os.path.exists(path):
            self._size = self._read(path)
        else:
            self._size = 0

    def get(self, digest: str) -> Reply | None:
        """The reply to a request; None where there is none, or it failed and may yet succeed."""
        found = self._replies.get(digest)
        return None if found is None or found.failure else found

    def last(self, digest: str) -> Reply | None:
        """The same, a failure too."""
        return self._replies.get(digest)

    def usages(self) -> list[Mapping]:
        """What servers counted for the replies."""
        return [reply.usage for reply in self._replies.values() if reply.usage]

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Where replies are added.

        Raises CannotError where another process is at it or the file cannot be written.
        """
        if self.path is None:
            yield
            return
        with cannot_write(self.path), open(self.path, "ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CannotError(f"{self.path}: another process is at work in it") from None
            except OSError:
                pass  # a file system without locks
            if handle.tell() > self._size:  # another process has added to it, or was cut short
                self._size = self._read(self.path)
            self._log = Log(self.path, self._size)
            try:
                if not self._size:
                    self._log.write(HEADER, **FORMAT.header({}))
                yield
            finally:
                self._size = self._log.settle()
                self._log.close()
                self._log = None

    def add(self, digest: str, reply: Reply, server: str) -> None:
        """Keep a reply, at once."""
        self._replies[digest] = reply
        if self._log is not None:
            self._log.write("answer", digest=digest, server=server, **asdict(reply))

    def _read(self, path: str) -> int:
        """Take the replies of a file; returns the size of its whole lines."""
        with open(path, "rb") as file:
            whole = file.read().rpartition(b"\n")[0]
        if not whole.strip():
            return 0
        import io

        _, rows = read_log(io.BytesIO(whole), path, FORMAT)
        for number, row in enumerate(rows, 2):
            try:
                self._replies[row["digest"]] = Reply(**{name: row[name] for name in FIELDS})
                self.servers.add(row["server"])
            except (KeyError, TypeError):
                raise DataError(f"{path}:{number}: not a line of a {FORMAT.what}") from None
        return len(whole) + 1
