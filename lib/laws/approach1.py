"""Approach 1: power laws of the compute envelope, for one data set.

    N* = 10^n0 FLOPs^a      D* = 10^d0 FLOPs^b      L* = l0 FLOPs^-c

The envelope is the lowest loss that any run had reached at each budget.  A pure power law has no
floor, so nothing here speaks of a ceiling.

Source: Bartoldson et al. 2024, Sec. 3.2 and App. F, after Hoffmann et al. 2022, Sec. 3.1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advlib.laws import scalars
from advlib.laws.form import Form, Parameter, Variant
from advlib.laws.surface import LARGEST_BUDGET, Optimum

LN10 = math.log(10)


@dataclass(frozen=True)
class Envelope:
    """The three regressions, as floats or with xp=numpy arrays."""

    n0: Any
    a: Any
    d0: Any
    b: Any
    l0: Any
    c: Any
    xp: Any = scalars

    def optimum(self, flops: Any) -> Optimum:
        """The regressions at `flops` > 0; N* and D* are fitted apart and may miss k N D = flops."""
        exp, log_flops = self.xp.exp, self.xp.log(flops)
        return Optimum(
            flops,
            exp(LN10 * self.n0 + self.a * log_flops),
            exp(LN10 * self.d0 + self.b * log_flops),
            self.l0 * exp(-self.c * log_flops),
            self.a,
            self.b,
        )

    def flops_for(self, loss: Any) -> Any:
        """The FLOPs at which the power law reads `loss`; inf where it does not fall."""
        xp = self.xp
        exponent = xp.log(self.l0 / loss) / xp.where(self.c > 0, self.c, 1.0)
        possible = (self.c > 0) & (exponent < LARGEST_BUDGET)
        return xp.where(possible, xp.exp(exponent), math.inf)


def law(parameters: Mapping[str, Any], fid: Any, k: float, xp: Any = scalars) -> Envelope:
    """The regressions; the FID is that of their one data set, and k N D is nowhere assumed."""
    return Envelope(**{name: parameters[name] for name in FORM.names}, xp=xp)


FORM = Form(
    approach=1,
    title="envelope",
    module="approach1",
    parameters=(
        Parameter("n0", "log10 of parameters at 1 FLOP", "either"),
        Parameter("a", "1", "either"),
        Parameter("d0", "log10 of samples at 1 FLOP", "either"),
        Parameter("b", "1", "either"),
        Parameter("l0", "nats at 1 FLOP"),
        Parameter("c", "1", "either"),
    ),
    variants=(Variant("curves"), Variant("frontier"), Variant("envelope")),
    law=law,
    surface=False,
    quality="never",
)
