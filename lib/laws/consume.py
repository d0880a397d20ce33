"""Answers from a fit, as rows: the optimum for a budget, the compute-efficient region, predictions,
size against compute, ceilings and the compute to reach a target.

Every number `x` that a bootstrap draw changes comes with `x_low` and `x_high`, the 95 % percentile
interval over the fit's draws, or None where the fit has none.  "never" stands for no finite amount.
Standard library only.

Source: Bartoldson et al. 2024, Sec. 3.2 and 3.3, Eqs. 3 to 6, Fig. 6.
"""

import math
from collections.abc import Iterator, Sequence

from advlib.errors import DataError
from advlib.laws.document import Fit, Member, percentile_interval
from advlib.laws.surface import Surface

YEAR = 365.25 * 86400  # seconds
NEVER = "never"


def optimum_rows(
    fits: Sequence[Fit], budgets: Sequence[float], fids=(), datasets=(), zoo: bool = False
) -> Iterator[dict]:
    """The compute-optimal N and D of each fit, quality and budget (FLOPs), with loss and accuracy.

    `zoo` adds the buildable WideResNet nearest to N*, its samples and loss at the same budget, and
    the paper's batch size and peak learning rate for that many samples.
    """
    for fit, name, fid in _each(fits, fids, datasets):
        for flops in budgets:
            row = _head(fit, name, fid) | {"flops": flops}
            found = _with_intervals(fit, lambda m: _optimum(fit, m, fid, flops))
            row |= _counts(found, ("params", "samples"))
            if zoo:
                row |= _zoo(fit, fid, flops, row["params"])
            yield row


def _optimum(fit, member, fid, flops) -> dict[str, float]:
    best = fit.law(member, fid).optimum(flops)
    return {
        "params": best.params,
        "samples": best.samples,
        "loss": best.loss,
        "accuracy": member.accuracy(best.loss),
        "a": best.a,
        "b": best.b,
    }


def _zoo(fit, fid, flops, params) -> dict:
    from advlib.models.zoo import nearest
    from advlib.training.rules import batch_size, peak_learning_rate

    model = nearest(params)
    samples = flops / (fit.k * model.params)
    row = {"model": model.name, "model_params": model.params, "model_samples": round(samples)}
    if fit.approach != 1:
        loss = fit.law(fit.best, fid).loss(model.params, samples)
        row |= {"model_loss": loss, "model_accuracy": fit.best.accuracy(loss)}
    else:
        row |= {"model_loss": None, "model_accuracy": None}
    return row | {
        "batch_size": batch_size(samples),
        "peak_learning_rate": peak_learning_rate(samples),
    }


def region_rows(fits: Sequence[Fit], budgets: Sequence[float], fids=(), datasets=()) -> list[dict]:
    """The compute-efficient region (Fig. 6): model sizes between the predictions of at least two
    of the fits, at each budget.  Without a choice of quality, all are read at the FID of a fit that
    knows only one, as Approach 1 does.  DataError unless there are two or three fits."""
    if not 2 <= len(fits) <= 3:
        raise DataError(f"a region lies between two or three fits; found {len(fits)}")
    if not (fids or datasets):
        fids = [f for fit in fits if not fit.has_quality for f in fit.fids.values()][:1]
    chosen = [(fit, *fit.qualities(fids, datasets)[0]) for fit in fits]
    rows = []
    for flops in budgets:
        best = [(fit.law(fit.best, fid).optimum(flops), fit) for fit, _, fid in chosen]
        low, high = min(b.params for b, _ in best), max(b.params for b, _ in best)
        row = {"flops": flops, "params_from": round(low), "params_to": round(high)}
        row |= {
            "samples_from": round(min(b.samples for b, _ in best)),
            "samples_to": round(max(b.samples for b, _ in best)),
        }
        for (b, fit), (_, name, _) in zip(best, chosen, strict=True):
            key = f"params_approach{fit.approach}"
            row[key if key not in row else f"{key}_{name}"] = round(b.params)
        rows.append(row)
    return rows


def prediction_row(fit: Fit, name: str, fid: float, params: float, samples: float) -> dict:
    """Loss and accuracy of a run of `params` and `samples`.  The interval is for one run: a draw's
    law with the scatter of the runs that were fitted.  DataError for Approach 1, which has no
    loss away from its optimum."""
    _needs_surface(fit, "predicts")
    scatter = fit.document.get("residuals") or [0.0]

    def predict(member, error=0.0):
        loss = fit.law(member, fid).loss(params, samples) * math.exp(-error)
        return {"loss": loss, "accuracy": member.accuracy(loss)}

    row = _head(fit, name, fid) | {"params": round(params), "samples": round(samples)}
    row["flops"] = fit.k * params * samples
    draws = [
        predict(member, scatter[(7 * i) % len(scatter)]) for i, member in enumerate(fit.draws)
    ]
    for key, value in predict(fit.best).items():
        row |= _triple(key, value, [draw[key] for draw in draws])
    return row


def trade_rows(fits, budgets, sizes, fids=(), datasets=()) -> Iterator[dict]:
    """For models of `sizes` times N*: the data multiple that keeps the optimal loss, the training
    compute that this adds, the inference compute that it saves (Eq. 6, solved on the law itself)."""
    for fit, name, fid in _each(fits, fids, datasets):
        _needs_surface(fit, "trades")
        for flops in budgets:
            for size in sizes:
                yield _trade_row(fit, name, fid, flops, size)


def _trade_row(fit, name, fid, flops, size) -> dict:
    best = fit.law(fit.best, fid).optimum(flops)
    row = _head(fit, name, fid) | {"flops": flops, "size": size}
    row["params"] = round(size * best.params)
    data = data_multiple(fit.law(fit.best, fid), flops, size)
    draws = [data_multiple(fit.law(m, fid), flops, size) for m in fit.draws]
    row["samples"] = NEVER if math.isinf(data) else round(data * best.samples)
    row |= _triple("data_multiple", data, draws)
    row |= _triple("overhead", size * data - 1, [size * d - 1 for d in draws])
    row["inference_saving"] = 1 - size
    return row


def data_multiple(law: Surface, flops: float, size: float) -> float:
    """w_D of Eq. 6: samples, over the optimal ones, with which `size` times N* parameters reach the
    optimal loss of the budget; inf where no amount of data does."""
    best = law.optimum(flops)
    return law.samples_for(best.loss, size * best.params) / best.samples


def smallest_rows(fits, budgets, overheads, fids=(), datasets=()) -> Iterator[dict]:
    """For each share of extra training compute (0.1 is 10 %), the smallest model that needs no
    more of it to reach the optimal loss: the inverse of Eq. 6."""
    for fit, name, fid in _each(fits, fids, datasets):
        _needs_surface(fit, "trades")
        for flops in budgets:
            for overhead in overheads:
                size = smallest_size(fit.law(fit.best, fid), flops, overhead)
                draws = [smallest_size(fit.law(m, fid), flops, overhead) for m in fit.draws]
                best = fit.law(fit.best, fid).optimum(flops)
                row = _head(fit, name, fid) | {"flops": flops, "overhead": overhead}
                row |= _triple("size", size, draws)
                row["params"] = round(size * best.params)
                row["samples"] = round((1 + overhead) / size * best.samples)
                row["inference_saving"] = 1 - size
                yield row


def smallest_size(law: Surface, flops: float, overhead: float) -> float:
    """The least w_N with w_N w_D - 1 <= `overhead` (> 0), by bisection: the overhead falls from
    infinity to 0 as w_N rises to 1."""
    low, high = -60.0, 0.0  # log w_N
    while high - low > 1e-12:
        middle = (low + high) / 2
        size = math.exp(middle)
        if size * data_multiple(law, flops, size) - 1 > overhead:
            low = middle
        else:
            high = middle
    return math.exp(high)


def fixed_size_rows(fits, budgets, params, fids=(), datasets=()) -> Iterator[dict]:
    """What is lost by spending a budget on a model of another size than N*: loss and accuracy,
    those of the optimum, and the budget with which the optimum would have come as far."""
    for fit, name, fid in _each(fits, fids, datasets):
        _needs_surface(fit, "trades")
        for flops in budgets:
            for size in params:
                row = _head(fit, name, fid) | {"flops": flops, "params": round(size)}
                row["samples"] = round(flops / (fit.k * size))
                yield row | _with_intervals(fit, lambda m: _fixed(fit, m, fid, flops, size))


def _fixed(fit, member, fid, flops, params) -> dict[str, float]:
    law = fit.law(member, fid)
    best, loss = law.optimum(flops), law.loss(params, flops / (fit.k * params))
    return {
        "size": params / best.params,
        "loss": loss,
        "loss_above_optimum": loss - best.loss,
        "accuracy": member.accuracy(loss),
        "accuracy_below_optimum": member.accuracy(best.loss) - member.accuracy(loss),
        "compute_wasted": 1 - law.flops_for(loss) / flops,
    }


def ceiling_rows(fits: Sequence[Fit], fids=(), datasets=()) -> Iterator[dict]:
    """The loss and accuracy that no compute passes, by data quality; without a choice, at each data
    set of the fit and at FID 0.  DataError for Approach 1: a power law has no floor."""
    for fit in fits:
        _needs_surface(fit, "has a ceiling")
        chosen = fit.qualities(fids, datasets)
        if fit.has_quality and not (fids or datasets):
            chosen = [("", 0.0), *((n, f) for n, f in fit.fids.items() if f > 0)]
        for name, fid in chosen:
            yield _head(fit, name, fid) | _with_intervals(fit, lambda m: _ceiling(fit, m, fid))


def _ceiling(fit, member, fid) -> dict[str, float]:
    floor = fit.law(member, fid).floor
    return {"loss": floor, "accuracy": member.accuracy(floor)}


def target_rows(
    fits, losses, accuracies, device_flops: float, devices: int, utilisation: float,
    fids=(), datasets=(),
) -> Iterator[dict]:  # fmt: skip
    """The least compute, and its N and D, that reaches each target loss or accuracy.

    `device_flops`: peak FLOP/s of a device; `utilisation`: the share of it that training reaches.
    `years` is the time on all `devices`; `device_years` the sum over them.
    """
    speed = device_flops * utilisation
    for fit, name, fid in _each(fits, fids, datasets):
        for kind, target in [("loss", t) for t in losses] + [("accuracy", t) for t in accuracies]:

            def reach(member, kind=kind, target=target):
                loss = target if kind == "loss" else member.loss(target)
                flops = fit.law(member, fid).flops_for(loss) if loss > 0 else math.inf
                if math.isinf(flops):
                    return dict.fromkeys(("flops", "params", "samples"), math.inf)
                best = fit.law(member, fid).optimum(flops)
                return {"flops": flops, "params": best.params, "samples": best.samples}

            found = _with_intervals(fit, reach)
            row = _head(fit, name, fid) | {"target": kind, "value": target}
            row |= _counts(found, ("params", "samples"))
            for key, share in (("device_years", 1), ("years", devices)):
                for suffix in ("", "_low", "_high"):
                    flops = found[f"flops{suffix}"]
                    known = isinstance(flops, float)
                    row[key + suffix] = flops / (speed * share * YEAR) if known else flops
            yield row


def quality_rows(fits, budgets, losses, accuracies) -> Iterator[dict]:
    """What a better generator buys: the FID that brings the optimum of each budget to the target."""
    for fit in fits:
        if not fit.has_quality:
            raise DataError(f"{fit.name}: approach {fit.approach} without FID: no quality to ask for")
        for flops in budgets:
            for kind, target in [("loss", t) for t in losses] + [
                ("accuracy", t) for t in accuracies
            ]:

                def needed(member, kind=kind, target=target, flops=flops):
                    loss = target if kind == "loss" else member.loss(target)
                    return {"fid": _fid_for(fit, member, flops, loss)}

                row = {"approach": fit.approach, "flops": flops, "target": kind, "value": target}
                row |= _with_intervals(fit, needed)
                known = isinstance(row["fid"], float)
                row["best_fid"] = next(iter(fit.fids.values()), None)
                row["params"] = row["samples"] = NEVER
                if known:
                    best = fit.law(fit.best, row["fid"]).optimum(flops)
                    row["params"], row["samples"] = round(best.params), round(best.samples)
                yield row


def _fid_for(fit, member, flops, loss) -> float:
    """The largest FID at which the optimal loss of the budget is at most `loss`; inf for never."""
    if fit.law(member, 0.0).optimum(flops).loss > loss:
        return math.inf
    low, high = 0.0, math.log1p(1e4)
    if fit.law(member, 1e4).optimum(flops).loss <= loss:
        return 1e4
    while high - low > 1e-12:
        middle = (low + high) / 2
        if fit.law(member, math.expm1(middle)).optimum(flops).loss > loss:
            high = middle
        else:
            low = middle
    return math.expm1(low)


WIDE = {"a": (0.1, "exponent a"), "accuracy": (0.05, "accuracy")}


def wide_intervals(rows: Sequence[dict]) -> list[str]:
    """Remarks on exponents and accuracies that the data leave wide open, the widest of each fit."""
    widest: dict[tuple, tuple[float, str]] = {}
    for row in rows:
        for key, (limit, what) in WIDE.items():
            low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
            if not (isinstance(low, float) and isinstance(high, float) and high - low > limit):
                continue
            fit = f"approach {row['approach']}"
            text = f"{fit}: {what} {row[key]:.3f} is uncertain: 95 % interval {low:.3f} to {high:.3f}"
            widest[fit, key] = max(widest.get((fit, key), (0.0, "")), (high - low, text))
    return [text for _, text in widest.values()]


def _each(fits, fids, datasets):
    for fit in fits:
        for name, fid in fit.qualities(fids, datasets):
            yield fit, name, fid


def _head(fit: Fit, name: str, fid: float) -> dict:
    return {"approach": fit.approach, "dataset": name, "fid": fid}


def _needs_surface(fit: Fit, what: str) -> None:
    if fit.approach == 1:
        raise DataError(
            f"{fit.name}: approach 1 is a power law along the optimum; only approach 2 or 3 {what}"
        )


def _with_intervals(fit: Fit, compute) -> dict:
    """What `compute` returns for the best law, each number with its interval over the draws."""
    draws = [compute(member) for member in fit.draws]
    out = {}
    for key, value in compute(fit.best).items():
        out |= _triple(key, value, [draw[key] for draw in draws])
    return out


def _triple(key: str, value: float, draws: Sequence[float]) -> dict:
    low, high = percentile_interval(draws) if draws else (None, None)
    return {key: _finite(value), f"{key}_low": _finite(low), f"{key}_high": _finite(high)}


def _finite(value):
    return NEVER if value is not None and math.isinf(value) else value


def _counts(row: dict, keys: Sequence[str]) -> dict:
    """The row with parameters and samples as whole numbers."""
    return {
        name: round(value)
        if isinstance(value, float) and name.removesuffix("_low").removesuffix("_high") in keys
        else value
        for name, value in row.items()
    }
