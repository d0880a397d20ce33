"""Questions about pictures: each asked once, its reply for all pictures that are the same."""

import contextlib

import numpy as np
from chat_server import Reply, completion, serving

from advlib.humans.chat.answer_log import AnswerLog
from advlib.humans.chat.client import Client
from advlib.humans.chat.judge import COLUMNS, answers, ask_all, questions
from advlib.humans.chat.requests import read_requests
from advlib.humans.pictures import Picture

REQUESTS = read_requests("seer", ("cat", "dog"))


def picture(order, value, label="cat"):
    return Picture(f"{order}", label, "", "clean", np.full((4, 4, 3), value, np.uint8), order)


def ask(server, shown, log, **known):
    counts = []

    @contextlib.contextmanager
    def meter(total, done):
        counts.append([total, done])
        yield lambda more: counts.append(more)

    wanted = list(questions(REQUESTS, shown))
    client = Client(server.address)
    whole = ask_all(REQUESTS, wanted, log, client, at_once=4, meter=meter, **known)
    return whole, counts


def test_pictures_that_are_the_same_are_one_question():
    shown = [picture(0, 1), picture(1, 2), picture(2, 1, "dog")]
    log = AnswerLog(None)
    with serving(lambda body, before: Reply(body=completion("dog, higher"))) as server:
        assert ask(server, shown, log) == (True, [[2, 0], 1, 1])
        assert ask(server, [*shown, picture(3, 3)], log) == (True, [[3, 2], 1])
        assert ask(server, shown, log) == (True, [])
    assert server.asked == 3
    found = list(answers(REQUESTS, shown, log, "me"))
    assert [(a.image, a.judge, a.guess, a.right) for a in found] == [
        *(("0", "me", "dog", False), ("1", "me", "dog", False), ("2", "me", "dog", True))
    ]
    assert all(tuple(a.more) == COLUMNS for a in found)


def test_what_was_not_asked_has_failed():
    (found,) = answers(REQUESTS, [picture(0, 1)], AnswerLog(None), "me")
    assert (found.status, found.guess, found.more["why"]) == ("failed", "", "not asked")


def test_nothing_is_asked_once_there_is_to_be_an_end():
    with serving() as server:
        whole, _ = ask(server, [picture(0, 1)], AnswerLog(None), stop=lambda: True)
    assert not whole and server.asked == 0
