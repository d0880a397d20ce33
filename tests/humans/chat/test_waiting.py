"""How long a server asks to wait, and how long is waited where it does not say."""

import random
from datetime import UTC, datetime

import pytest

from advlib.humans.chat import waiting

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400),
        ("1.5", 1.5),
        ("soon", None),
        ("6m0", None),
        ("", None),
    ],
)
def test_durations_are_read_as_servers_write_them(text, seconds):
    assert waiting.duration(text) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "later", "x-ratelimit-reset-tokens": "3s"}, 3),
        ({"retry-after": "1", "x-ratelimit-reset-tokens": "3s"}, 1),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-tokens": "9000",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            2,
        ),
    ],
)
def test_a_servers_wait_is_found_in_its_headers(headers, seconds):
    assert waiting.asked_wait(headers, NOW) == seconds


def test_own_waits_grow_to_a_bound_and_differ():
    chance = random.Random(0)
    for tries in range(1, 30):
        most = min(waiting.LONGEST, waiting.FIRST * 2 ** (tries - 1))
        drawn = {waiting.backoff(tries, chance) for _ in range(20)}
        assert len(drawn) == 20 and most / 2 <= min(drawn) <= max(drawn) <= most
