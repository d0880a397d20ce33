"""Approach 2: adversarial loss as a separable law of model size, samples and image quality.

    L(N, D, F) = A N^-alpha + B(F) D^-beta + E(F)
    log B(F) = log B + zeta log(1 + F)      log E(F) = log E + eps log(1 + F)

    F   FID of the training images, >= 0; 0 is perfect data.  Other symbols as in `surface`.

Source: Bartoldson et al. 2024, Eq. 3, after Hoffmann et al. 2022, Sec. 3.3.
Differs from the official code: A, B and E are values at F = 0, not at the FID of the base data set.
Without a quality term (the form of Hoffmann et al.) zeta and eps are 0 and F is ignored.
"""

import math
from collections.abc import Mapping

from advlib.laws.surface import Surface

NAMES = ("A", "alpha", "B", "beta", "E")
QUALITY_NAMES = ("zeta", "eps")
POSITIVE = frozenset(NAMES)
UNITS = {
    "A": "nats * parameters^alpha",
    "alpha": "1",
    "B": "nats * samples^beta, at FID 0",
    "beta": "1",
    "E": "nats, at FID 0",
    "zeta": "1",
    "eps": "1",
}


def at_reference_zero(parameters: Mapping[str, float], reference_fid: float) -> dict[str, float]:
    """Parameters with B and E moved from `reference_fid` (the base of the official code) to 0."""
    moved = dict(parameters)
    step = math.log1p(reference_fid)
    moved["B"] = parameters["B"] * math.exp(-parameters.get("zeta", 0.0) * step)
    moved["E"] = parameters["E"] * math.exp(-parameters.get("eps", 0.0) * step)
    return moved


def surface(parameters: Mapping[str, float], fid: float, k: float) -> Surface:
    """The loss surface at `fid` >= 0 for parameters given at FID 0."""
    step = math.log1p(fid)
    log_B = math.log(parameters["B"]) + parameters.get("zeta", 0.0) * step
    return Surface(
        log_A=math.log(parameters["A"]),
        alpha=parameters["alpha"],
        log_B=log_B / parameters["beta"],
        beta=parameters["beta"],
        log_c=-math.inf,
        E=parameters["E"] * math.exp(parameters.get("eps", 0.0) * step),
        k=k,
    )
