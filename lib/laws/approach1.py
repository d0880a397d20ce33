"""Approach 1: power laws of the compute envelope, for one data set.

    N* = 10^n0 FLOPs^a      D* = 10^d0 FLOPs^b      L* = l0 FLOPs^-c

The envelope is the lowest loss that any run had reached at each budget.  A pure power law has no
floor, so nothing here speaks of a ceiling.

Source: Bartoldson et al. 2024, Sec. 3.2 and App. F, after Hoffmann et al. 2022, Sec. 3.1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from advlib.laws.surface import Optimum

NAMES = ("n0", "a", "d0", "b", "l0", "c")
POSITIVE = frozenset({"l0"})
UNITS = {
    "n0": "log10 of parameters at 1 FLOP",
    "a": "1",
    "d0": "log10 of samples at 1 FLOP",
    "b": "1",
    "l0": "nats at 1 FLOP",
    "c": "1",
}


@dataclass(frozen=True)
class Envelope:
    """The three regressions; `floor` is 0 because a power law has none."""

    n0: float
    a: float
    d0: float
    b: float
    l0: float
    c: float
    floor: float = 0.0

    def optimum(self, flops: float) -> Optimum:
        """The regressions at `flops` > 0; N* and D* are fitted apart and may miss k N D = flops."""
        x = math.log10(flops)
        return Optimum(
            flops,
            10 ** (self.n0 + self.a * x),
            10 ** (self.d0 + self.b * x),
            self.l0 * 10 ** (-self.c * x),
            self.a,
            self.b,
        )

    def flops_for(self, loss: float) -> float:
        """The FLOPs at which the power law reads `loss`; inf where it does not fall."""
        if self.c <= 0:
            return math.inf
        exponent = math.log10(self.l0 / loss) / self.c
        return 10**exponent if exponent < 308 else math.inf


def envelope(parameters: Mapping[str, float]) -> Envelope:
    """The law from a fit document's parameters."""
    return Envelope(**{name: parameters[name] for name in NAMES})
