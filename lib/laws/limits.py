"""Ceilings, the compute to reach a target, and the data quality that a target asks for.

Source: Bartoldson et al. 2024, Sec. 3.2 and 3.3, Fig. 1, Table 3.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

from advlib.errors import DataError
from advlib.laws.document import Fit
from advlib.laws.rows import NEVER, answer, counts, each, head, needs_surface

YEAR = 365.25 * 86400  # seconds
WORST_FID = 1e4  # beyond any image set; where a target holds even there, quality does not bind


def ceiling_rows(fits: Sequence[Fit], fids=(), datasets=()) -> Iterator[dict]:
    """The loss and accuracy that no compute passes, by data quality; without a choice, at each data
    set of the fit and at FID 0.  DataError for Approach 1: a power law has no floor.
    """
    for fit in fits:
        needs_surface(fit, "has a ceiling")
        chosen = fit.qualities(fids, datasets)
        if fit.has_quality and not (fids or datasets):
            chosen = [("", 0.0), *((n, f) for n, f in fit.fids.items() if f > 0)]
        for name, fid in chosen:
            yield head(fit, name, fid) | answer(fit, fid, _ceiling)


def _ceiling(law, member) -> dict[str, float]:
    return {"loss": law.floor, "accuracy": member.accuracy(law.floor)}


def target_rows(
    fits,
    losses,
    accuracies,
    device_flops: float,
    devices: int,
    utilisation: float,
    fids=(),
    datasets=(),
) -> Iterator[dict]:
    """The least compute, and its N and D, that reaches each target loss or accuracy.

    `device_flops`: peak FLOP/s of a device; `utilisation`: the share of it that training reaches.
    `years` is the time on all `devices`; `device_years` the sum over them.
    """
    speed = device_flops * utilisation
    for fit, name, fid in each(fits, fids, datasets):
        for kind, target in _targets(losses, accuracies):
            row = head(fit, name, fid) | {"target": kind, "value": target}
            row |= counts(answer(fit, fid, _reach, kind, target))
            for key, share in (("device_years", 1), ("years", devices)):
                for end in ("", "_low", "_high"):
                    flops = row[f"flops{end}"]
                    known = isinstance(flops, float)
                    row[key + end] = flops / (speed * share * YEAR) if known else flops
            yield row


def _reach(law, member, kind, target) -> dict[str, float]:
    loss = _loss(member, kind, target)
    flops = law.flops_for(loss) if loss > 0 else math.inf
    if math.isinf(flops):
        return dict.fromkeys(("flops", "params", "samples"), math.inf)
    best = law.optimum(flops)
    return {"flops": flops, "params": best.params, "samples": best.samples}


def quality_rows(fits, budgets, losses, accuracies) -> Iterator[dict]:
    """What a better generator buys: the FID that brings the optimum of each budget to the target,
    beside that of the best data set of the fit.  DataError for laws without quality.
    """
    for fit in fits:
        if not fit.has_quality:
            raise DataError(f"{fit.name}: this law has no FID, so no quality to ask for")
        for flops, (kind, target) in itertools.product(budgets, _targets(losses, accuracies)):
            row = {"approach": fit.approach, "variant": fit.variant, "flops": flops}
            row |= {"target": kind, "value": target}
            row |= answer(fit, 0.0, _needed, fit, flops, kind, target)
            row["best_fid"] = next(iter(fit.fids.values()), None)
            row["params"] = row["samples"] = NEVER
            if row["fid"] != NEVER:
                best = fit.law(fit.best, row["fid"]).optimum(flops)
                row["params"], row["samples"] = round(best.params), round(best.samples)
            yield row


def _needed(perfect, member, fit, flops, kind, target) -> dict[str, float]:
    """The largest FID at which the optimum of the budget reaches the target; -inf, worse than
    perfect data, where none does.
    """
    loss = _loss(member, kind, target)
    if perfect.optimum(flops).loss > loss:
        return {"fid": -math.inf}
    low, high = 0.0, math.log1p(WORST_FID)
    while high - low > 1e-12:
        middle = (low + high) / 2
        if fit.law(member, math.expm1(middle)).optimum(flops).loss > loss:
            high = middle
        else:
            low = middle
    return {"fid": math.expm1(low)}


def _targets(losses, accuracies) -> list[tuple[str, float]]:
    return [("loss", t) for t in losses] + [("accuracy", t) for t in accuracies]


def _loss(member, kind, target) -> float:
    return target if kind == "loss" else member.loss(target)
