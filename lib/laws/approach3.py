"""Approach 3: adversarial loss with data quality that caps what samples can do.

    L(N, D, F) = A N^-alpha + (B/D + (Q F)^(kappa/beta))^beta + E + eps log(1 + F)

    F   FID of the training images, >= 0; 0 is perfect data.  Other symbols as in `surface`.

Infinite data of quality F still costs (Q F)^kappa nats.  At F = 0 the form is that of Approach 2,
whose B compares with B^beta here.

Source: Bartoldson et al. 2024, Eq. 5.
"""

import math
from collections.abc import Mapping

from advlib.laws.surface import Surface

NAMES = ("A", "alpha", "B", "beta", "E", "Q", "kappa", "eps")
POSITIVE = frozenset(NAMES) - {"eps"}
UNITS = {
    "A": "nats * parameters^alpha",
    "alpha": "1",
    "B": "samples * nats^(1/beta)",
    "beta": "1",
    "E": "nats, at FID 0",
    "Q": "nats^(1/kappa) per unit of FID",
    "kappa": "1",
    "eps": "nats",
}


def surface(parameters: Mapping[str, float], fid: float, k: float) -> Surface:
    """The loss surface at `fid` >= 0."""
    beta, kappa = parameters["beta"], parameters["kappa"]
    log_c = kappa / beta * math.log(parameters["Q"] * fid) if fid > 0 else -math.inf
    return Surface(
        log_A=math.log(parameters["A"]),
        alpha=parameters["alpha"],
        log_B=math.log(parameters["B"]),
        beta=beta,
        log_c=log_c,
        E=parameters["E"] + parameters["eps"] * math.log1p(fid),
        k=k,
    )
