"""Asking a server for chat completions: many at once, again where that helps, never for ever.

What servers differ in is met as it comes: a field that a server names in an error is sent
otherwise from then on, once.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from advlib.documents import parse_json
from advlib.errors import CannotError
from advlib.humans.chat import waiting
from advlib.humans.chat.reply import FILTERS, Reply, error_of, read_completion
from advlib.humans.chat.waiting import PATIENCE, asked_wait, backoff

if TYPE_CHECKING:
    import httpx

PATH = "/chat/completions"
AGAIN = (408, 409, 429)  # and from 500 on: statuses after which a request is tried again
FINAL = (401, 402, 403, 404, 405)  # statuses that are of all requests alike
SAME = 2  # tries after which an error that stays the same will stay
SPENT = "insufficient_quota"  # a code of 429 that no waiting mends
# Fields that some servers refuse, and what is sent instead; "" for nothing
OTHERWISE = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
DROPPED = ("temperature", "seed")
SHOWN = 200  # characters of a server's message


class _AgainError(Exception):
    """The request may be tried again, after `wait` seconds if the server says so."""

    def __init__(self, why: str, wait: float | None = None, same: bool = False):
        super().__init__(why)
        self.why, self.wait, self.same = why, wait, same


@dataclass
class Client:
    """Asks one server; `ask` may run many times at once.

    server: its address, up to /v1.  key: sent to it and found nowhere else.  tries: of a request.
    timeout: seconds for an answer.  say: takes remarks.  sleep: waits for
    seconds of the clock.
    """

    server: str
    key: str | None = None
    tries: int = 6
    timeout: float = 300.0
    say: Callable[[str], None] = lambda text: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    _switched: dict[str, str] = field(default_factory=dict)  # fields by what is sent instead
    _until: float = 0.0  # by the clock, before which no request is sent

    def open(self, at_once: int) -> "httpx.AsyncClient":
        """A context for `ask`: connections for so many requests."""
        import httpx

        keyed = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.AsyncClient(
            headers=keyed,
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, 20.0), pool=None),
            limits=httpx.Limits(max_connections=at_once),
        )

    async def ask(self, connection: "httpx.AsyncClient", body: dict[str, Any]) -> Reply:
        """The reply to a request; where all tries fail, one that says why.

        Raises CannotError for what all requests would meet: a wrong key, no such model.
        """
        before, seen = "", 0
        for tried in range(1, self.tries + 1):
            await self._wait_for_all()
            try:
                return await self._once(connection, body)
            except _AgainError as err:
                why, wait = err.why, err.wait
                seen = seen + 1 if err.same and why == before else 1
                before = why
                if tried == self.tries or (err.same and seen == SAME):
                    return Reply(failure=f"{why} ({tried} tries)" if tried > 1 else why)
            if wait is not None and wait > PATIENCE:
                raise CannotError(f"{self.server}: {why}; it asks to wait {wait / 3600:.1f} hours")
            if wait is not None:
                self._hold(wait, why)
            await self.sleep(backoff(tried, self.chance) if wait is None else self._later(wait))
        raise AssertionError("a request is tried at least once")

    def _hold(self, wait: float, why: str) -> None:
        """Send nothing for so long, as a limit is of all requests."""
        now = self.clock()
        if now >= self._until:
            self.say(f"{self.server} asks to wait {wait:.3g} s: {why}")
        self._until = max(self._until, now + wait)

    async def _wait_for_all(self) -> None:
        while (left := self._until - self.clock()) > 0:
            await self.sleep(self._later(left))

    def _later(self, seconds: float) -> float:
        """A little longer, lest all come back at once."""
        return seconds + self.chance.uniform(0, waiting.FIRST)

    async def _once(self, connection: "httpx.AsyncClient", body: dict[str, Any]) -> Reply:
        import httpx

        begun, sent = time.monotonic(), dict(self._switched)
        try:
            found = await connection.post(self.server + PATH, json=self._spelled(body))
        except (httpx.TransportError, httpx.DecodingError) as err:
            raise _AgainError(f"no answer: {self._clean(str(err) or type(err).__name__)}") from None
        except httpx.InvalidURL as err:
            raise CannotError(f"{self.server}: {err}") from None
        seconds = time.monotonic() - begun
        try:
            told = parse_json(found.content)
        except ValueError:
            told = None
        status = found.status_code
        if status == 200 and (reply := read_completion(told)):
            return replace(
                reply,
                text=self._hide(reply.text),
                refusal=self._hide(reply.refusal),
                model=self._hide(reply.model),
                fingerprint=self._hide(reply.fingerprint),
                seconds=round(seconds, 3),
            )
        code, param, message = error_of(told)
        if code.lower() in FILTERS:
            return Reply(filtered=True, seconds=round(seconds, 3))
        if status == 200 and code.isdecimal():  # a gateway passes on another server's error
            status = int(code)
        why = f"{status}: {self._clean(message or found.text or found.reason_phrase)}"
        if status in (400, 422) and self._switch(body, sent, param, message):
            return await self._once(connection, body)
        if status == 200:
            raise _AgainError(f"an answer without choices: {why}", same=True)
        if status in FINAL or 300 <= status < 400 or code == SPENT:
            raise CannotError(f"{self.server}: {why}")
        if status in AGAIN or status >= 500:
            wait = asked_wait(found.headers, datetime.now(UTC))
            raise _AgainError(why, wait, same=status not in AGAIN and wait is None)
        return Reply(failure=why)

    def _spelled(self, body: dict[str, Any]) -> dict[str, Any]:
        """A request with its fields as this server takes them."""
        names = {name: self._switched.get(name, name) for name in body}
        return {names[name]: value for name, value in body.items() if names[name]}

    def _switch(self, body: dict[str, Any], sent: dict[str, str], param: str, message: str) -> bool:
        """Send a field of the request otherwise if the error names it; whether to ask again.

        sent: what was switched when the request was sent.
        """
        for name in (*OTHERWISE, *DROPPED):
            if name not in body or name in sent:
                continue
            if param != name and not re.search(rf"(?<!\w){name}(?!\w)", message):
                continue
            if name not in self._switched:  # by none of the requests under way
                self._switched[name] = other = OTHERWISE.get(name, "")
                instead = f"{other} is sent" if other else "it is left out"
                self.say(f"{self.server} does not take {name}: {instead}")
            return True
        return False

    def _hide(self, text: str) -> str:
        """A server's text without the key, should it repeat it."""
        return text.replace(self.key, "[key]") if self.key else text

    def _clean(self, text: str) -> str:
        """The same as one short line."""
        text = " ".join(self._hide(text).split())
        return text if len(text) <= SHOWN else text[:SHOWN] + "..."
