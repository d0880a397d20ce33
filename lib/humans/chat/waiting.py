"""How long to wait before a request is tried again: as the server says, else longer each time."""

import random
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

FIRST, LONGEST = 0.5, 60.0  # seconds of the first wait of our own, and of the longest
PATIENCE = 3600.0  # seconds; a server that asks for more is not waited for
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|d|h|m|s)")
UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LIMITS = ("requests", "tokens")


def backoff(tries: int, chance: random.Random) -> float:
    """Seconds to wait after so many tries: up to twice as long each time, drawn, lest requests
    that failed together come back together.
    """
    most = min(LONGEST, FIRST * 2 ** (tries - 1))
    return chance.uniform(most / 2, most)


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a reply's headers ask to wait; None where they ask for nothing.

    headers: by name in small letters.  now: with its time zone.
    """
    if wait := _number(headers.get("retry-after-ms", "")):
        return wait / 1000
    if text := headers.get("retry-after", "").strip():
        if (seconds := _number(text)) is not None:
            return seconds
        try:
            return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
        except (ValueError, TypeError):
            pass
    spent = [n for n in LIMITS if headers.get(f"x-ratelimit-remaining-{n}", "").strip() == "0"]
    resets = [duration(headers.get(f"x-ratelimit-reset-{n}", "")) for n in spent or LIMITS]
    known = [reset for reset in resets if reset is not None]
    return max(known) if known else None


def duration(text: str) -> float | None:
    """Seconds of a duration as servers write it, "6m0s", "20ms" or "1.5"; None for other texts."""
    text = text.strip()
    if (seconds := _number(text)) is not None:
        return seconds
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", text) else None
