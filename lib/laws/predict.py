"""Predictions for single runs of any size and quality.

The interval is for a run, not for the law: each bootstrap draw's law, moved by one of the residuals
of the runs that were fitted.  `predictions` makes it wherever a run is predicted: for sizes, for
the rows of a table, for rows that were held out.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from advlib.laws.fit import Fit, Member
from advlib.laws.intervals import answers
from advlib.laws.rows import fits_at_qualities, identity, require_surface


def predictions(fit: Fit, fid: float, runs: Sequence[tuple]) -> list[dict]:
    """Loss (nats) and accuracy of runs at a FID, each with its 95 % prediction interval.

    runs: (params, samples) of each; for a law that knows only its optimum, (flops,).
    """
    return answers(fit, fid, _at_sizes if fit.form.surface else _at_budget, runs)


def _at_sizes(law: Any, member: Member, params: Any, samples: Any) -> dict[str, Any]:
    return _scattered(member, law.loss(params, samples))


def _at_budget(law: Any, member: Member, flops: Any) -> dict[str, Any]:
    return _scattered(member, law.optimum(flops).loss)


def _scattered(member: Member, loss: Any) -> dict[str, Any]:
    loss = loss * member.xp.exp(-member.residual)
    return {"loss": loss, "accuracy": member.accuracy(loss)}


def prediction_rows(
    fits: Sequence[Fit],
    params: Sequence[float],
    samples: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> Iterator[dict]:
    """Loss and accuracy of a run of every size with every number of samples, by fit and quality.

    Raises DataError for Approach 1, which has no loss away from its optimum.
    """
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        require_surface(fit, "predicts")
        runs = list(itertools.product(params, samples))
        for (n, d), found in zip(runs, predictions(fit, fid, runs), strict=True):
            row = identity(fit, name, fid) | {"params": round(n), "samples": round(d)}
            yield row | {"flops": fit.k * n * d} | found
