"""The compute-optimal model and data size for a budget, and the compute-efficient region.

Source: Bartoldson et al. 2024, Sec. 3.2 and 3.3, Eq. 4, Fig. 6.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from advlib.errors import DataError
from advlib.laws.fit import Fit, Member
from advlib.laws.rows import (
    ENDS,
    NEVER,
    answer_rows,
    fits_at_qualities,
    identity,
    with_whole_counts,
)

# What the zoo adds to a row, all empty where N* is beyond anything that can be built
ZOO = (
    "model",
    "model_params",
    "model_samples",
    "model_loss",
    "model_loss_low",
    "model_loss_high",
    "model_accuracy",
    "model_accuracy_low",
    "model_accuracy_high",
    "batch_size",
    "peak_learning_rate",
)


def optimum_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
    zoo: bool = False,
) -> Iterator[dict]:
    """The compute-optimal N and D of each fit, quality and budget (FLOPs), with loss and accuracy.

    `zoo` adds the buildable WideResNet nearest to N*, its samples and loss at the same budget, and
    the paper's batch size and peak learning rate for that many samples.
    """
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        found = _optima(fit, fid, budgets)
        for flops, best in zip(budgets, found, strict=True):
            row = identity(fit, name, fid) | {"flops": flops} | with_whole_counts(best)
            yield row | _nearest_model(fit, fid, flops) if zoo else row


def _optima(fit: Fit, fid: float, budgets: Sequence[float]) -> list[dict]:
    return answer_rows(fit, fid, _optimum, [(flops,) for flops in budgets])


def _optimum(law: Any, member: Member, flops: Any) -> dict[str, Any]:
    best = law.optimum(flops)
    return {
        "params": best.params,
        "samples": best.samples,
        "loss": best.loss,
        "accuracy": member.accuracy(best.loss),
        "a": best.a,
        "b": best.b,
    }


def _nearest_model(fit: Fit, fid: float, flops: float) -> dict[str, Any]:
    from advlib.models.zoo import nearest
    from advlib.training.rules import batch_size, peak_learning_rate

    model = nearest(fit.law(fit.best, fid).optimum(flops).params)
    if model is None:
        return dict.fromkeys(ZOO)
    samples = flops / (fit.k * model.params)
    row = {"model": model.name, "model_params": model.params, "model_samples": round(samples)}
    if fit.form.surface:
        row |= answer_rows(fit, fid, _model, [(model.params, samples)])[0]
    row |= {"batch_size": batch_size(samples), "peak_learning_rate": peak_learning_rate(samples)}
    return {key: row.get(key) for key in ZOO}


def _model(law: Any, member: Member, params: Any, samples: Any) -> dict[str, Any]:
    loss = law.loss(params, samples)
    return {"model_loss": loss, "model_accuracy": member.accuracy(loss)}


def region_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> list[dict]:
    """The compute-efficient region (Fig. 6): model sizes between the predictions of at least two
    of the fits, at each budget, and each fit's own prediction.

    Without a choice of quality, all are read at the FID of a fit that knows only one, as Approach 1
    does.  DataError unless there are two or three fits.
    """
    if not 2 <= len(fits) <= 3:
        raise DataError(f"a region lies between two or three fits; found {len(fits)}")
    chosen = region_qualities(fits, fids, datasets)
    optima = [_optima(fit, fid, budgets) for fit, _, fid in chosen]
    rows = []
    for flops, *found in zip(budgets, *optima, strict=True):
        row: dict[str, Any] = {"flops": flops}
        for size in ("params", "samples"):
            ends = [math.inf if best[size] == NEVER else best[size] for best in found]
            row[f"{size}_from"], row[f"{size}_to"] = _count(min(ends)), _count(max(ends))
        for fit, best in zip(fits, found, strict=True):
            for end in ("", *ENDS):
                row[_label(fit, fits) + end] = _count(best[f"params{end}"])
        rows.append(row)
    return rows


def _count(number: Any) -> Any:
    """A whole number; "never" for an infinite one, None for none."""
    if number is None or number == NEVER:
        return number
    return NEVER if math.isinf(number) else round(number)


def region_qualities(
    fits: Sequence[Fit], fids: Sequence[float] = (), datasets: Sequence[str] = ()
) -> list[tuple[Fit, str, float]]:
    """Each fit with the one quality it is read at in a region: data set or "", FID."""
    if not (fids or datasets):
        fids = [f for fit in fits if not fit.has_quality for f in fit.fids.values()][:1]
    return [(fit, *fit.qualities(fids, datasets)[0]) for fit in fits]


def _label(fit: Fit, fits: Sequence[Fit]) -> str:
    """A column name for the fit: its approach, and its place where the approach comes twice."""
    name = f"params_approach{fit.approach}"
    twins = [other for other in fits if other.approach == fit.approach]
    if len(twins) == 1:
        return name
    return f"{name}_{next(i for i, other in enumerate(twins, 1) if other is fit)}"
