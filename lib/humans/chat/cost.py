"""What the requests to come would cost: tokens by rules of thumb, or as servers counted before.

Source: OpenAI's rule for images of GPT-4 with vision and GPT-4o at high detail: the picture is made
to fit 2048, then its shorter side 768, and costs 85 tokens and 170 for each square of 512.  Other
models count otherwise.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from advlib.humans.chat.requests import Requests

CHARACTERS = 4  # of a token of English text, about
BASE, SQUARE, SIDE = 85, 170, 512  # tokens of a picture, of a square; pixels of its side
LONGEST, SHORTEST = 2048, 768  # pixels to which a picture's sides are reduced
LIMITS = ("max_tokens", "max_completion_tokens")  # fields that bound an answer


def image_tokens(height: int, width: int) -> int:
    """Tokens of a picture of so many pixels."""
    shrink = min(1.0, LONGEST / max(height, width))
    shrink *= min(1.0, SHORTEST / (min(height, width) * shrink))
    across, down = (math.ceil(round(side * shrink) / SIDE) for side in (width, height))
    return BASE + SQUARE * across * down


def estimate(
    requests: Requests,
    sizes: Iterable[tuple[int, int]],
    answered: int,
    usages: Sequence[Mapping[str, Any]],
    price: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """A row: how many requests are to come, their tokens, and the cost.

    sizes: height and width of the picture of each request to come.  answered: how many are not to
    come.  usages: what the server counted for earlier replies.  price: of a million tokens that are
    sent, and that are answered.  Tokens and cost of answers are the most that there can be, but by
    `usages` where there are any.
    """
    sizes = list(sizes)
    count = len(sizes)
    text = math.ceil(len(requests.text) / CHARACTERS) * count
    image = sum(image_tokens(*size) for size in sizes)
    most = next((requests.payload[name] for name in LIMITS if name in requests.payload), None)
    answer = most * count if isinstance(most, int) else None
    sent, told = (_mean(usages, name) for name in ("prompt_tokens", "completion_tokens"))
    if sent is not None and told is not None:
        answer = math.ceil(told * count)
        image = max(0, math.ceil(sent * count) - text)
    cost = None
    if price and answer is not None:
        cost = ((text + image) * price[0] + answer * price[1]) / 1e6
    return {
        "requests": count,
        "answered": answered,
        "text_tokens": text,
        "image_tokens": image,
        "answer_tokens": answer,
        "cost": cost,
    }


def _mean(usages: Sequence[Mapping[str, Any]], name: str) -> float | None:
    found = [u[name] for u in usages if isinstance(u.get(name), int)]
    return fmean(found) if found else None
