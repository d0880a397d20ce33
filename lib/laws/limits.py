"""Ceilings, the compute to reach a target, and the data quality that a target asks for.

Source: Bartoldson et al. 2024, Sec. 3.2 and 3.3, Fig. 1, Table 3.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.laws.fit import Fit, Member
from advlib.laws.roots import last_true
from advlib.laws.rows import (
    ENDS,
    NEVER,
    answer_rows,
    fits_at_qualities,
    identity,
    require_surface,
    with_whole_counts,
)

YEAR = 365.25 * 86400  # seconds
WORST_FID = 1e4  # beyond any image set; where a target holds even there, quality does not bind
FID_TOLERANCE = 1e-12  # of log(1 + FID)
PIECES = 64  # of the range of log(1 + FID)


@dataclass(frozen=True)
class Hardware:
    """What training runs on.

    device_flops: peak FLOP/s of a device.  devices: how many.  utilisation: the share of the peak
    that training reaches.
    """

    device_flops: float
    devices: int
    utilisation: float

    def device_years(self, flops: float) -> float:
        """Years that one device takes."""
        return flops / (self.device_flops * self.utilisation * YEAR)


def ceiling_rows(
    fits: Sequence[Fit], fids: Sequence[float] = (), datasets: Sequence[str] = ()
) -> Iterator[dict]:
    """The loss and accuracy that no compute passes, by data quality; without a choice, at each data
    set of the fit and at FID 0.  DataError for Approach 1: a power law has no floor.
    """
    for fit in fits:
        require_surface(fit, "has a ceiling")
        chosen = fit.qualities(fids, datasets)
        if fit.has_quality and not (fids or datasets):
            chosen = [("", 0.0), *((n, f) for n, f in fit.fids.items() if f > 0)]
        for name, fid in chosen:
            (found,) = answer_rows(fit, fid, _ceiling, [()])
            yield identity(fit, name, fid) | found


def _ceiling(law: Any, member: Member) -> dict[str, Any]:
    return {"loss": law.floor, "accuracy": member.accuracy(law.floor)}


def target_rows(
    fits: Sequence[Fit],
    losses: Sequence[float],
    accuracies: Sequence[float],
    hardware: Hardware,
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> Iterator[dict]:
    """The least compute, and its N and D, that reaches each target loss or accuracy.

    `years` is the time on all devices; `device_years` the sum over them.
    """
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        for kind, loss_of, targets in _kinds(losses, accuracies):

            def reach(law: Any, member: Member, target: Any, loss_of: Any = loss_of) -> dict:
                return _reach(law, loss_of(member, target))

            found = answer_rows(fit, fid, reach, [(target,) for target in targets])
            for target, values in zip(targets, found, strict=True):
                row = identity(fit, name, fid) | {"target": kind, "value": target}
                row |= with_whole_counts(values)
                yield row | _years(row, hardware)


def _reach(law: Any, loss: Any) -> dict[str, Any]:
    xp = law.xp
    flops = xp.where(loss > 0, law.flops_for(loss), math.inf)
    possible = flops < math.inf
    best = law.optimum(xp.where(possible, flops, 1.0))
    params, samples = (xp.where(possible, x, math.inf) for x in (best.params, best.samples))
    return {"flops": flops, "params": params, "samples": samples}


def _years(row: dict[str, Any], hardware: Hardware) -> dict[str, Any]:
    out = {}
    for key, share in (("device_years", 1), ("years", hardware.devices)):
        for end in ("", *ENDS):
            flops = row[f"flops{end}"]
            number = isinstance(flops, float)
            out[key + end] = hardware.device_years(flops) / share if number else flops
    return out


def quality_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    losses: Sequence[float],
    accuracies: Sequence[float],
) -> Iterator[dict]:
    """What a better generator buys: the FID that brings the optimum of each budget to the target,
    beside that of the best data set of the fit.  DataError for laws without quality.
    """
    for fit in fits:
        if not fit.has_quality:
            raise DataError(f"{fit.name}: this law has no FID, so no quality to ask for")
        for flops in budgets:
            for kind, loss_of, targets in _kinds(losses, accuracies):
                yield from _quality_rows(fit, flops, kind, loss_of, targets)


def _quality_rows(
    fit: Fit, flops: float, kind: str, loss_of: Callable, targets: Sequence[float]
) -> Iterator[dict]:
    def needed(perfect: Any, member: Member, target: Any) -> dict[str, Any]:
        """The largest FID at which the optimum of the budget reaches the target; -inf where none
        does.  With worse data some laws lose first and win later: hence the pieces.
        """
        xp, loss = perfect.xp, loss_of(member, target)

        def reached(log1p_fid: Any) -> Any:
            law = fit.law(member, xp.expm1(log1p_fid), xp)
            return law.holds & (law.optimum(flops).loss <= loss)

        last = last_true(reached, 0.0, math.log1p(WORST_FID), FID_TOLERANCE, xp, PIECES)
        return {"fid": xp.where(reached(last), xp.expm1(last), -math.inf)}

    found = answer_rows(fit, 0.0, needed, [(target,) for target in targets])
    for target, values in zip(targets, found, strict=True):
        row: dict[str, Any] = {"approach": fit.approach, "variant": fit.variant, "flops": flops}
        row |= {"target": kind, "value": target} | values
        row["best_fid"] = next(iter(fit.fids.values()), None)
        row["params"] = row["samples"] = NEVER
        if row["fid"] != NEVER:
            best = fit.law(fit.best, row["fid"]).optimum(flops)
            row["params"], row["samples"] = round(best.params), round(best.samples)
        yield row


def _kinds(
    losses: Sequence[float], accuracies: Sequence[float]
) -> list[tuple[str, Callable, Sequence[float]]]:
    """Kinds of target: the name, the loss (of a member of a fit) that is one, the targets."""

    def own(member: Member, loss: Any) -> Any:
        return loss

    def by_accuracy(member: Member, accuracy: Any) -> Any:
        return member.loss(accuracy)

    return [("loss", own, losses), ("accuracy", by_accuracy, accuracies)]
