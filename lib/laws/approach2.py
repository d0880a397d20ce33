"""Approach 2: adversarial loss as a separable law of model size, samples and image quality.

    L(N, D, F) = A N^-alpha + B(F) D^-beta + E(F)
    log B(F) = log B + zeta log(1 + F)      log E(F) = log E + eps log(1 + F)

    F   FID of the training images, >= 0; 0 is perfect data.  Other symbols as in `surface`.

Without a quality term (the form of Hoffmann et al.) zeta and eps are 0 and F is ignored.

Source: Bartoldson et al. 2024, Eq. 3, after Hoffmann et al. 2022, Sec. 3.3.
Differs from the official code: A, B, E are values at F = 0, not at the base FID.
"""

import math
from collections.abc import Mapping
from typing import Any

from advlib.laws import scalars
from advlib.laws.form import Form, Parameter, Variant
from advlib.laws.surface import Surface


def at_zero(parameters: Mapping[str, float], reference_fid: float) -> dict[str, float]:
    """Parameters with B and E moved from `reference_fid` (the base of the official code) to 0."""
    moved = dict(parameters)
    step = math.log1p(reference_fid)
    moved["B"] = parameters["B"] * math.exp(-parameters.get("zeta", 0.0) * step)
    moved["E"] = parameters["E"] * math.exp(-parameters.get("eps", 0.0) * step)
    return moved


def law(parameters: Mapping[str, Any], fid: Any, k: float, xp: Any = scalars) -> Surface:
    """The loss surface at `fid` >= 0 for parameters given at FID 0."""
    step = xp.log1p(fid)
    log_B = xp.log(parameters["B"]) + parameters.get("zeta", 0.0) * step
    return Surface(
        log_A=xp.log(parameters["A"]),
        alpha=parameters["alpha"],
        log_B=log_B / parameters["beta"],
        beta=parameters["beta"],
        log_c=-math.inf,
        E=parameters["E"] * xp.exp(parameters.get("eps", 0.0) * step),
        k=k,
        xp=xp,
    )


FORM = Form(
    approach=2,
    title="separable (Eq. 3)",
    module="approach2",
    parameters=(
        Parameter("A", "nats * parameters^alpha"),
        Parameter("alpha", "1"),
        Parameter("B", "nats * samples^beta, at FID 0"),
        Parameter("beta", "1"),
        Parameter("E", "nats, at FID 0", "nonnegative"),
        Parameter("zeta", "1", "either", quality=True),
        Parameter("eps", "1", "either", quality=True),
    ),
    variants=(
        Variant("two-stage", several_fids=True, compared=True),
        Variant(
            "joint",
            "Approach 2: all rows at once, not in two stages.",
            several_fids=True,
            compared=True,
        ),
        Variant("plain", "Approach 2 without quality: A/N^alpha + B/D^beta + E."),
    ),
    law=law,
    quality="optional",
    at_zero=at_zero,
)
