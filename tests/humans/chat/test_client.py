"""Asking a server: each kind of server that humans meet, and its faults, on one of the test's own.

Waits are on a clock of the test's own, so that minutes cost nothing.
"""

import asyncio
import random
import re

import pytest
from chat_server import Reply, completion, refused, serving

from advlib.errors import CannotError
from advlib.humans.chat import waiting
from advlib.humans.chat.client import Client

KEY = "sk-very-secret-0123456789"
BUSY = {"error": {"message": "Rate limit reached", "type": "requests"}}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


def body(number=0, **fields):
    """A request about a picture that is called by a number."""
    url = {"url": f"data:image/png;base64,{number}"}
    content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": url}]
    messages = [{"role": "user", "content": content}]
    return {"model": "seer", "messages": messages, "max_tokens": 9, "temperature": 0, **fields}


def ask(server, *bodies, said=None, **known):
    """The replies to requests that are sent one after another, and the time that passed."""
    time = Time()
    known = {"key": KEY, "chance": random.Random(1), **known}
    say = (lambda text: None) if said is None else said.append
    client = Client(
        getattr(server, "address", server), sleep=time.sleep, clock=time.clock, say=say, **known
    )

    async def run():
        async with client.open(2) as connection:
            return [await client.ask(connection, one) for one in bodies or (body(),)]

    return asyncio.run(run()), time


def always(reply):
    return lambda body, before: reply


def first(reply, times=1):
    """A server that gives this so many times for each picture, then the answer."""
    answer = Reply(body=completion("cat, low"))
    return lambda body, before: reply if before < times else answer


def test_an_answer_comes_with_what_the_server_says_of_it():
    with serving(always(Reply(body=completion("cat, low")))) as server:
        (reply,), time = ask(server)
    assert (reply.text, reply.finish, reply.failure) == ("cat, low", "stop", "")
    assert (reply.model, reply.fingerprint) == ("seer-2026", "fp_1")
    assert reply.usage["total_tokens"] == 320 and reply.seconds < 10
    assert server.requests[0][1]["Authorization"] == f"Bearer {KEY}"
    assert time.slept == []


def openai(body, before):
    """As newer models of OpenAI: other names of fields, and no temperature."""
    if "max_tokens" in body:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        return refused(f"{message}'max_completion_tokens' instead.", param="max_tokens")
    if "temperature" in body:
        return refused("Unsupported value: 'temperature' does not support 0 with this model.")
    return Reply(body=completion("cat, low"))


def test_fields_that_a_server_names_are_sent_otherwise_once_and_from_then_on():
    said = []
    with serving(openai) as server:
        replies, _ = ask(server, body(1), body(2), said=said)
    assert [reply.text for reply in replies] == ["cat, low"] * 2
    assert server.asked == 4
    last = server.requests[-1][2]
    assert last["max_completion_tokens"] == 9
    assert not {"max_tokens", "temperature"} & set(last)
    assert len(said) == 2 and "max_completion_tokens is sent" in said[0]


def test_a_server_without_max_completion_tokens_gets_max_tokens():
    def azure(body, before):
        if "max_completion_tokens" in body:
            return refused("Unrecognized request argument supplied: max_completion_tokens")
        return Reply(body=completion("cat, low"))

    asked = {k: v for k, v in body(max_completion_tokens=9).items() if k != "max_tokens"}
    with serving(azure) as server:
        (reply,), _ = ask(server, asked)
    assert reply.text == "cat, low" and server.requests[-1][2]["max_tokens"] == 9


def test_a_field_is_switched_no_second_time():
    with serving(always(refused("max_tokens is too large: 9"))) as server:
        (reply,), _ = ask(server)
    assert server.asked == 2 and reply.failure == "400: max_tokens is too large: 9"


@pytest.mark.parametrize(
    "error",
    [
        {"code": "content_filter", "message": "The response was filtered"},
        {"code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
    ],
)
def test_a_content_filter_is_no_failure(error):
    with serving(always(Reply(400, {"error": error}))) as server:
        (reply,), _ = ask(server)
    assert reply.filtered and not reply.failure and server.asked == 1


def test_the_same_500_is_not_asked_for_ever():
    with serving(always(refused("image: failed to decode", 500))) as server:
        (reply,), _ = ask(server, tries=6)
    assert server.asked == 2
    assert reply.failure == "500: image: failed to decode (2 tries)"


def test_other_errors_of_a_server_are_tried_so_often_and_wait_longer_each_time():
    with serving(lambda body, before: refused(f"trouble {before}", 503)) as server:
        (reply,), time = ask(server, tries=5)
    assert server.asked == 5 and reply.failure == "503: trouble 4 (5 tries)"
    for slept, most in zip(time.slept, (0.5, 1, 2, 4), strict=True):
        assert most / 2 <= slept <= most


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_passes_is_tried_again(status):
    with serving(first(refused("busy", status))) as server:
        (reply,), _ = ask(server)
    assert (reply.text, server.asked) == ("cat, low", 2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "20ms"}, 1),
    ],
)
def test_a_wait_is_as_long_as_the_server_asks(headers, seconds):
    with serving(first(Reply(429, BUSY, headers))) as server:
        (reply,), time = ask(server)
    assert reply.text == "cat, low" and len(time.slept) == 1
    assert seconds <= time.slept[0] <= seconds + waiting.FIRST


def test_a_limit_is_waited_for_by_all_requests():
    def busy(body, before):
        return Reply(429, BUSY, {"Retry-After": "50"}) if server.asked == 1 else None

    async def run(client, time):
        async with client.open(2) as connection:
            one = asyncio.create_task(client.ask(connection, body(1)))
            while not time.slept:
                await asyncio.sleep(0.005)
            time.now = 10.0  # 40 seconds are left to wait
            await client._wait_for_all()
            one.cancel()

    with serving(busy) as server:
        time = Time()

        async def sleep(seconds):
            time.slept.append(seconds)
            if seconds > 49:
                await asyncio.Event().wait()
            time.now += seconds

        client = Client(server.address, sleep=sleep, clock=time.clock, chance=random.Random(1))
        asyncio.run(run(client, time))
    assert [round(seconds) for seconds in time.slept] == [50, 40]


def test_a_wait_of_hours_ends_the_work():
    with (
        serving(always(Reply(429, BUSY, {"Retry-After": "20000"}))) as server,
        pytest.raises(CannotError, match=r"it asks to wait 5\.6 hours"),
    ):
        ask(server)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={"error": {"message": "upstream broke"}}),
        Reply(body={"type": "message", "content": [{"type": "text", "text": "cat, low"}]}),
        Reply(body={"choices": []}),
        Reply(body={"choices": None}),
        Reply(body="<html>Bad gateway</html>"),
    ],
)
def test_an_answer_without_choices_is_a_fault(reply):
    with serving(always(reply)) as server:
        (found,), _ = ask(server)
    assert server.asked == 2 and found.failure.startswith("an answer without choices: 200: ")


def test_an_error_that_a_gateway_passes_on_is_that_error():
    passed_on = Reply(body={"error": {"code": 429, "message": "busy"}})
    with serving(first(passed_on, times=3)) as server:
        (reply,), _ = ask(server)
    assert reply.text == "cat, low" and server.asked == 4


def test_a_request_that_is_wrong_is_not_repeated():
    with serving(always(refused("Model does not support images"))) as server:
        (reply,), _ = ask(server)
    assert server.asked == 1 and reply.failure == "400: Model does not support images"


def test_an_answer_that_is_cut_off_is_asked_for_again():
    with serving(first(Reply(body=completion("cat, low"), cut=True))) as server:
        (reply,), _ = ask(server)
    assert (reply.text, server.asked) == ("cat, low", 2)


def test_a_slow_answer_is_given_up():
    with serving(always(Reply(body=completion("cat, low"), seconds=1.0))) as server:
        (reply,), _ = ask(server, timeout=0.2, tries=2)
    # on a busy machine a connection may take as long, and the server then know of one request less
    assert re.fullmatch(r"no answer: \w*Timeout \(2 tries\)", reply.failure)


def test_a_server_that_is_not_there_is_no_answer():
    (reply,), time = ask("http://127.0.0.1:9/v1", tries=3)
    assert reply.failure.startswith("no answer: ") and len(time.slept) == 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refused(f"Incorrect API key provided: {KEY}", 401), "401: Incorrect API key provided: "),
        (refused("The model `seer` does not exist", 404), "404: The model `seer` does not exist"),
        (refused("no money", 429, code="insufficient_quota"), "429: no money"),
        (Reply(301, "", {"Location": "/v2"}), "301: Moved Permanently"),
    ],
)
def test_what_all_requests_would_meet_ends_the_work(reply, said):
    with serving(always(reply)) as server, pytest.raises(CannotError) as caught:
        ask(server)
    assert server.asked == 1
    assert said in str(caught.value) and KEY not in str(caught.value)


def test_a_key_that_a_server_repeats_is_kept_nowhere():
    with serving(always(Reply(body=completion(f"Your key is {KEY}", refusal=KEY)))) as server:
        (reply,), _ = ask(server)
    assert KEY not in repr(reply) and reply.text == "Your key is [key]"
    with serving(always(refused(f"bad key {KEY}", 500))) as server:
        (reply,), _ = ask(server)
    assert reply.failure == "500: bad key [key] (2 tries)"
