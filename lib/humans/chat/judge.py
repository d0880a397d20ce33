"""Judging by chat: pictures become requests, replies are kept as they come, and read."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from advlib.errors import CannotError, one_line
from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.client import Client
from advlib.humans.chat.crowd import run_all, sleeper
from advlib.humans.chat.reply import Reply, judge_reply
from advlib.humans.chat.requests import Requests
from advlib.humans.judgements import Answer
from advlib.humans.pictures import Picture

COLUMNS = ("constrained", "obeyed", "served_by", "fingerprint", "why")  # beside an Answer's
FAILURES = 10  # in a row, after which the rest would fail too
ABSENT = "not asked"

Meter = Callable[[int, int], AbstractContextManager[Callable[[float], None]]]


@dataclass(frozen=True)
class Question:
    """A request that some pictures share, the first of which it is made of."""

    digest: str
    picture: Picture


def questions(requests: Requests, pictures: Iterable[Picture]) -> Iterator[Question]:
    """The different requests about pictures, in order."""
    met = set()
    for picture in pictures:
        digest = requests.digest(picture)
        if digest not in met:
            met.add(digest)
            yield Question(digest, picture)


def ask_all(
    requests: Requests,
    wanted: Sequence[Question],
    log: AnswerLog,
    client: Client,
    *,
    at_once: int,
    meter: Meter,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Ask what the log has no answer to, and keep each reply in it; whether all was asked.

    meter: given how many questions there are and how many are answered.
    Raises CannotError where the server refuses all requests, or too many fail in a row.
    """
    failed, answered = 0, False

    async def run() -> bool:
        client.sleep = sleeper(stop)
        async with client.open(at_once) as connection:

            def ask(question: Question):
                return client.ask(connection, requests.body(question.picture))

            return await run_all(left, ask, keep, at_once=at_once, stop=stop)

    def keep(question: Question, reply: Reply) -> None:
        nonlocal failed, answered
        log.add(question.digest, reply, client.server)
        tick(1)
        failed = failed + 1 if reply.failure else 0
        answered = answered or not reply.failure
        lost = reply.failure.startswith("no answer")
        if failed >= FAILURES or (failed and lost and not answered):
            raise CannotError(f"{client.server}: {reply.failure}")

    with log.writing():
        left = [question for question in wanted if log.get(question.digest) is None]
        if not left:
            return True
        with meter(len(wanted), len(wanted) - len(left)) as tick:
            return asyncio.run(run())


def answers(
    requests: Requests, pictures: Iterable[Picture], log: AnswerLog, name: str
) -> Iterator[Answer]:
    """What the replies in the log say of pictures, one answer each.  name: the judge's."""
    for picture in pictures:
        reply = log.last(requests.digest(picture)) or Reply(failure=ABSENT)
        found = judge_reply(reply, requests.classes, requests.constrain)
        obeyed = "" if found.obeyed is None else str(found.obeyed).lower()
        yield picture.answered(
            name,
            found.guess,
            confidence=found.confidence,
            status=found.status,
            seconds=reply.seconds,
            more={
                "constrained": requests.constrain,
                "obeyed": obeyed,
                "served_by": reply.model,
                "fingerprint": reply.fingerprint,
                "why": one_line(found.why),
            },
        )
