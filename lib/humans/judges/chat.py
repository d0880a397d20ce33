"""chat:MODEL, a vision-language model on a server of chat completions."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

from advlib.errors import DataError
from advlib.humans.chat import batch
from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.client import Client
from advlib.humans.chat.cost import estimate
from advlib.humans.chat.judge import Question, answers, ask_all, questions
from advlib.humans.chat.key import find_key, server_address
from advlib.humans.chat.requests import Requests, read_requests
from advlib.humans.chat.settings import ChatSettings
from advlib.humans.judgements import ADVERSARIAL, Answer
from advlib.humans.judges import Asked
from advlib.humans.pictures import Picture


def judge(asked: Asked) -> Iterable[Answer]:
    """The model's answers, those that the file of answers holds first; none where it was stopped.

    Raises DataError without a server or a file for answers, CannotError as `ask_all`.
    """
    settings = asked.chat or ChatSettings()
    if settings.server is None:
        raise DataError("server: not given; expected the address of a server of chat completions")
    server = server_address(settings.server)
    client = Client(
        server,
        find_key(server, settings.key_variable),
        tries=settings.tries,
        timeout=settings.timeout,
        say=asked.say,
    )
    study = Study(asked)
    if others := sorted(study.log.servers - {server}):
        asked.say(f"{asked.answers_file} holds answers of {', '.join(others)}, which are taken too")
    whole = ask_all(
        study.requests,
        study.questions,
        study.log,
        client,
        at_once=settings.concurrency,
        meter=asked.meter,
        stop=asked.stop,
    )
    return study.answers() if whole else []


def cost(asked: Asked, price: tuple[float, float] | None) -> dict[str, Any]:
    """What it would cost, as a row: see `estimate`."""
    study = Study(asked, keeps=False)
    left = study.left
    sizes = [study.requests.size(question.picture) for question in left]
    known = len(study.questions) - len(left)
    return estimate(study.requests, sizes, known, study.log.usages(), price)


def export(asked: Asked, file: BinaryIO) -> int:
    """Write what is left to ask as a batch file; returns how many requests."""
    study = Study(asked, keeps=False)
    return batch.write_batch(file, study.requests, study.left)


def take_in(asked: Asked, file: BinaryIO, name: str) -> Iterable[Answer]:
    """The answers, after a batch's replies were taken into the file of answers."""
    study = Study(asked)
    digests = {question.digest for question in study.questions}
    found = batch.read_batch(file, name, digests, study.log)
    asked.say(
        f"{name}: {found.taken} replies taken, {found.failed} failures, {found.known} known before,"
        f" {found.others} to other requests"
    )
    return study.answers()


@dataclass(frozen=True)
class Study:
    """All pictures of a set and the requests about them.  keeps: whether replies will be kept."""

    asked: Asked
    keeps: bool = True

    def __post_init__(self):
        if self.keeps and self.asked.answers_file is None:
            raise DataError(
                "answers_file: not given; expected a file that keeps replies, which may be dear, or"
                " --output, beside which they are kept"
            )

    @cached_property
    def log(self) -> AnswerLog:
        """The replies that are known."""
        return AnswerLog(self.asked.answers_file)

    @cached_property
    def requests(self) -> Requests:
        """How the model is asked."""
        settings = self.asked.chat or ChatSettings()
        return read_requests(
            self.asked.rest,
            self.asked.classes,
            prompt=settings.prompt,
            payload=settings.payload,
            constrain=settings.constrain,
            scale=settings.scale,
        )

    @cached_property
    def pictures(self) -> list[Picture]:
        """What is shown."""
        return list(self.asked.pictures(ADVERSARIAL))

    @cached_property
    def questions(self) -> list[Question]:
        """The requests, each once."""
        return list(questions(self.requests, self.pictures))

    @property
    def left(self) -> list[Question]:
        """Those without an answer."""
        return [q for q in self.questions if self.log.get(q.digest) is None]

    def answers(self) -> Iterable[Answer]:
        """What the replies say."""
        name = self.asked.name or self.asked.rest
        return answers(self.requests, self.pictures, self.log, name)
