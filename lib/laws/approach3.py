"""Approach 3: adversarial loss with data quality that caps what samples can do.

    L(N, D, F) = A N^-alpha + (B/D + (Q F)^(kappa/beta))^beta + E + eps log(1 + F)

    F   FID of the training images, >= 0; 0 is perfect data.  Other symbols as in `surface`.

Infinite data of quality F still costs (Q F)^kappa nats.  At F = 0 the form is that of Approach 2,
whose B compares with B^beta here.

Source: Bartoldson et al. 2024, Eq. 5.
"""

import math
from collections.abc import Mapping
from typing import Any

from advlib.laws import scalars
from advlib.laws.form import Form, Parameter, Variant
from advlib.laws.surface import Surface


def floor(parameters: Mapping[str, float], fid: float) -> float:
    """E' at a FID, in nats: E + eps log(1 + F)."""
    return parameters["E"] + parameters["eps"] * math.log1p(fid)


def law(parameters: Mapping[str, Any], fid: Any, k: float, xp: Any = scalars) -> Surface:
    """The loss surface at `fid` >= 0."""
    beta, kappa = parameters["beta"], parameters["kappa"]
    return Surface(
        log_A=xp.log(parameters["A"]),
        alpha=parameters["alpha"],
        log_B=xp.log(parameters["B"]),
        beta=beta,
        log_c=kappa / beta * xp.log(parameters["Q"] * fid),
        E=parameters["E"] + parameters["eps"] * xp.log1p(fid),
        k=k,
        xp=xp,
    )


FORM = Form(
    approach=3,
    title="saturating (Eq. 5)",
    module="approach3",
    parameters=(
        Parameter("A", "nats * parameters^alpha"),
        Parameter("alpha", "1"),
        Parameter("B", "samples * nats^(1/beta)"),
        Parameter("beta", "1"),
        Parameter("E", "nats, at FID 0", "nonnegative"),
        Parameter("Q", "nats^(1/kappa) per unit of FID"),
        Parameter("kappa", "1"),
        Parameter("eps", "nats", "either"),
    ),
    variants=(Variant("all", several_fids=True, compared=True),),
    law=law,
    floor=floor,
)
