"""The prediction for one run of any size and quality.  Standard library only.

The interval is for a run, not for the law: each bootstrap draw's law, moved by one of the residuals
of the runs that were fitted.
"""

import math

from advlib.laws.document import Fit, Member
from advlib.laws.rows import head, needs_surface, triple


def prediction_row(fit: Fit, name: str, fid: float, params: float, samples: float) -> dict:
    """Loss (nats) and accuracy of a run of `params` on `samples` images of `fid`, with 95 %
    prediction intervals.  DataError for Approach 1, which has no loss away from its optimum.
    """
    needs_surface(fit, "predicts")

    def predict(member: Member, residual: float) -> dict[str, float]:
        loss = fit.law(member, fid).loss(params, samples) * math.exp(-residual)
        return {"loss": loss, "accuracy": member.accuracy(loss)}

    draws = [predict(member, residual) for member, residual in scattered(fit)]
    row = head(fit, name, fid) | {"params": round(params), "samples": round(samples)}
    row["flops"] = fit.k * params * samples
    for key, value in predict(fit.best, 0.0).items():
        row |= triple(key, value, [draw[key] for draw in draws])
    return row


def scattered(fit: Fit) -> list[tuple[Member, float]]:
    """Each draw with a residual (log L_hat - log L) of the fit, in a fixed order that mixes."""
    residuals = fit.document.get("residuals") or [0.0]
    step = next(s for s in (7, 11, 13, 17) if math.gcd(s, len(residuals)) == 1 or s == 17)
    return [(m, residuals[step * i % len(residuals)]) for i, m in enumerate(fit.draws)]
