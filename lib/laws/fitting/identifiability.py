"""What a table of runs determines of a law, and what it leaves open.

From the Jacobian J of log L by the logarithms of the parameters at the minimum (eps and zeta, which
may have either sign, as they are): the condition number of J with unit columns, and each
parameter's standard error, from the robust scale s of the residuals as s sqrt(diag (J'J)^-1).
An amplitude such as B is the data term at D = 1, decades away from any run: its error carries that
of beta over all those decades, and B and beta are known only together.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

OPEN = math.log(10) / (2 * 1.96)  # error of log p at which the 95 % interval spans a factor of ten
TWO_SIDED = 1.96  # standard errors on either side of a 95 % interval


def determination(
    names: Sequence[str],
    jacobian: np.ndarray,
    residuals: np.ndarray,
    values: Mapping[str, float],
    signed: Collection[str],
) -> tuple[float, dict[str, dict]]:
    """The condition number, and for each parameter its standard error (of its logarithm; of itself
    for eps and zeta), whether the data determine it, and its strongest partner.

    `jacobian` (n, P), `residuals` (n,), `values` the parameters by name, `signed` the names of
    those that may have either sign.  Determined: the 95 %
    interval spans less than a factor of ten, or for a signed parameter excludes zero.
    """
    count, size = jacobian.shape
    norm = np.linalg.norm(jacobian, axis=0)
    without_effect = norm <= 1e-12 * max(norm.max(), 1e-300)
    scaled = jacobian / np.where(without_effect, 1.0, norm)
    _, singular, rotation = np.linalg.svd(scaled, full_matrices=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else math.inf
    # median absolute deviation over that of a normal distribution, corrected for the fitted ones
    freedom = max(count - size, 1)
    scale = 1.4826 * np.median(np.abs(residuals)) * math.sqrt(count / freedom)
    inverse = (rotation.T / np.maximum(singular, 1e-150) ** 2) @ rotation
    deviation = np.sqrt(np.diag(inverse))
    error = np.where(
        without_effect | (count <= size),
        np.inf,
        scale * deviation / np.where(without_effect, 1.0, norm),
    )
    correlation = inverse / np.outer(deviation, deviation)
    out = {}
    for i, name in enumerate(names):
        others = np.abs(correlation[i])
        others[i] = 0
        partner = int(np.argmax(others))
        out[name] = {
            "standard_error": float(error[i]),
            "of": "value" if name in signed else "log",
            "determined": bool(
                abs(values[name]) > TWO_SIDED * error[i] if name in signed else error[i] < OPEN
            ),
            "partner": names[partner] if size > 1 else None,
            "correlation": float(correlation[i, partner]) if size > 1 else 0.0,
        }
    return condition, out
