"""Types of options that hold numbers: whole ones, counts, lists and ranges of them, radii."""

import math
from fractions import Fraction
from typing import Any

import click

from advlib.numbers import FAR, NEAR, can_compute, parse_fraction, parse_number, parse_whole

MOST = 10_000  # numbers in a range
LARGEST = 2**63 - 1  # whole number, of 64 bits with its sign


class Whole(click.IntRange):
    """A whole number in digits from 0 to 9, of `min` to `max`, and of 64 bits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str):
            try:
                value = parse_whole(value)
            except ValueError:
                self.fail(f"found {value!r}; expected a whole number", param, ctx)
            if abs(value) > LARGEST:
                self.fail(f"found {value}; expected at most {LARGEST}", param, ctx)
        return super().convert(value, param, ctx)


class Count(click.ParamType):
    """A number above `low` (at or above it if `closed`) and at most `high` (below it if
    `open_high`), either 0 or from 1e-100 to 1e100 in size; suffixes k, M, G or B, T.
    """

    name = "number"

    def __init__(
        self,
        low: float = 0.0,
        high: float = math.inf,
        closed: bool = False,
        open_high: bool = False,
    ):
        self.low, self.high, self.closed, self.open_high = low, high, closed, open_high

    def convert(self, value, param, ctx):
        if isinstance(value, float):
            return value
        try:
            number = parse_number(value)
        except (ValueError, ZeroDivisionError):
            self.fail(f"found {value!r}; expected a number such as 1e22 or 366M", param, ctx)
        inside = number >= self.low if self.closed else number > self.low
        below = number < self.high if self.open_high else number <= self.high
        if not (inside and below):
            bound = f"{self.low:g} or above" if self.closed else f"above {self.low:g}"
            upper = f" and {'below' if self.open_high else 'at most'} {self.high:g}"
            upper = upper if math.isfinite(self.high) else ""
            self.fail(f"found {value!r}; expected a number {bound}{upper}", param, ctx)
        if not can_compute(number):
            self.fail(f"found {value!r}; expected a number from {NEAR:g} to {FAR:g}", param, ctx)
        return number


class Numbers(Count):
    """A list `a,b,c`, or `first:last:count`, that many numbers evenly spaced in the logarithm."""

    name = "numbers"

    def convert(self, value, param, ctx):
        if isinstance(value, list):
            return value
        out = []
        for item in value.split(","):
            found = self._range(item, param, ctx) if ":" in item else [item]
            out += [super(Numbers, self).convert(each, param, ctx) for each in found]
        return out

    def _range(self, item, param, ctx):
        """The numbers of `first:last:count`."""
        wrong = f"found {item!r}; expected FIRST:LAST:COUNT, COUNT from 2 to {MOST}"
        try:
            begin, end, number = item.split(":")
            count = parse_whole(number)
        except ValueError:
            self.fail(wrong, param, ctx)
        if not 2 <= count <= MOST:
            self.fail(wrong, param, ctx)
        first, last = (super(Numbers, self).convert(each, param, ctx) for each in (begin, end))
        if not first > 0 < last:
            self.fail(f"found {item!r}; a logarithmic range needs ends above 0", param, ctx)
        ratio, steps = math.log(last / first), count - 1
        return [first * math.exp(ratio * i / steps) for i in range(steps)] + [last]


class Radius(click.ParamType):
    """A distance between images of [0, 1], as people write it: 8/255, 0.5; `--eps` everywhere.

    above: whether `low` itself is out of range.  exact: a Fraction is what comes out, not a float.
    """

    name = "radius"

    def __init__(
        self, low: float = 0.0, high: float = math.inf, above: bool = True, exact: bool = False
    ):
        self.low, self.high, self.above, self.exact = low, high, above, exact

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | Fraction:
        if isinstance(value, float | Fraction):
            return value
        try:
            radius = parse_fraction(value)
        except (ValueError, ZeroDivisionError):
            self.fail(f"found {value!r}; expected a radius, as 8/255", param, ctx)
        if radius < self.low or (self.above and radius == self.low):
            least = f"above {self.low:g}" if self.above else f"of {self.low:g} or more"
            self.fail(f"found {value!r}; expected a radius {least}", param, ctx)
        if radius > self.high:
            self.fail(
                f"found {value!r}; expected a radius of at most {self.high:g}: did you mean"
                f" {value}/255?",
                param,
                ctx,
            )
        return radius if self.exact else float(radius)


FLOPS = Numbers()
NUMBERS = Numbers()
