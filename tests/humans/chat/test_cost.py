"""What requests would cost, by OpenAI's published examples and by hand."""

import pytest

from advlib.humans.chat.cost import estimate, image_tokens
from advlib.humans.chat.requests import read_requests
from advlib.shards.sources.cifar import CIFAR10_NAMES


@pytest.mark.parametrize(
    ("height", "width", "tokens"),
    [
        (32, 32, 255),
        (1024, 1024, 765),  # the examples of OpenAI's guide
        (2048, 4096, 1105),
        (512, 512, 255),
        (512, 513, 425),
    ],
)
def test_image_tokens_are_those_of_the_guide(height, width, tokens):
    assert image_tokens(height, width) == tokens


def test_cost_is_the_most_that_it_can_be():
    requests = read_requests("seer", CIFAR10_NAMES)
    row = estimate(requests, [(32, 32)] * 10, 2, [], (2.0, 10.0))
    text = -(-len(requests.text) // 4) * 10
    assert (row["requests"], row["answered"]) == (10, 2)
    assert (row["text_tokens"], row["image_tokens"]) == (text, 2550)
    assert row["answer_tokens"] == 32000
    assert row["cost"] == pytest.approx((2 * (text + 2550) + 10 * 32000) / 1e6)


def test_what_the_server_counted_before_counts():
    usages = [{"prompt_tokens": 900, "completion_tokens": n} for n in (10, 30)]
    requests = read_requests("seer", CIFAR10_NAMES)
    row = estimate(requests, [(32, 32)] * 10, 2, usages, (1.0, 1.0))
    assert row["text_tokens"] + row["image_tokens"] == 9000
    assert row["answer_tokens"] == 200 and row["cost"] == pytest.approx(0.0092)
    assert estimate(requests, [], 2, usages)["cost"] is None
