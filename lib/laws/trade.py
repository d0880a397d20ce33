"""Model size against training compute: what a smaller or larger model than the optimal one costs.

Source: Bartoldson et al. 2024, Sec. 3.2, Eq. 6, Fig. 7; Eq. 6 is solved on the law itself, so it
holds for Approach 3 too.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from advlib.laws.fit import Fit, Member
from advlib.laws.roots import last_true
from advlib.laws.rows import (
    NEVER,
    answer_rows,
    fits_at_qualities,
    identity,
    require_surface,
    with_whole_counts,
)

ROUNDING = 1e-12  # an overhead below this is none
SMALLEST = -60.0  # logarithm of the least w_N that is looked for


def smallest_size(law: Any, flops: Any, overhead: Any) -> Any:
    """The least w_N with w_N w_D - 1 <= `overhead` (> 0), by bisection: the overhead falls from
    infinity to 0 as w_N rises to 1.
    """
    exp, data_multiple = law.xp.exp, law.data_multiple(flops)

    def too_small(log_size: Any) -> Any:
        size = exp(log_size)
        return size * data_multiple(size) - 1 > overhead

    return exp(last_true(too_small, SMALLEST, 0.0, ROUNDING, law.xp))


def trade_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    sizes: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> Iterator[dict]:
    """For models of `sizes` times N*: the data multiple that keeps the optimal loss, the training
    compute that this adds, the inference compute that it saves.
    """
    queries = list(itertools.product(budgets, sizes))
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        require_surface(fit, "trades")
        found = answer_rows(fit, fid, _trade, queries)
        for (flops, size), values in zip(queries, found, strict=True):
            row = identity(fit, name, fid) | {"flops": flops, "size": size}
            yield row | with_whole_counts(values) | {"inference_saving": 1 - size}


def _trade(law: Any, member: Member, flops: Any, size: Any) -> dict[str, Any]:
    best, data = law.optimum(flops), law.data_multiple(flops)(size)
    overhead = size * data - 1
    return {
        "params": size * best.params,
        "samples": data * best.samples,
        "data_multiple": data,
        "overhead": law.xp.where(abs(overhead) > ROUNDING, overhead, 0.0),
    }


def impossible_sizes(rows: Sequence[dict]) -> list[str]:
    """The sizes in `trade_rows` that no amount of data brings to the optimal loss, each once."""
    never = [f"{row['size']:g}" for row in rows if row.get("data_multiple") == NEVER]
    return list(dict.fromkeys(never))


def smallest_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    overheads: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> Iterator[dict]:
    """For each share of extra training compute (0.1 is 10 %), the smallest model that needs no
    more of it to reach the optimal loss: the inverse of Eq. 6.
    """
    queries = list(itertools.product(budgets, overheads))
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        require_surface(fit, "trades")
        found = answer_rows(fit, fid, _smallest, queries)
        for (flops, overhead), values in zip(queries, found, strict=True):
            row = identity(fit, name, fid) | {"flops": flops, "overhead": overhead}
            yield row | with_whole_counts(values)


def _smallest(law: Any, member: Member, flops: Any, overhead: Any) -> dict[str, Any]:
    best, size = law.optimum(flops), smallest_size(law, flops, overhead)
    return {
        "size": size,
        "params": size * best.params,
        "samples": (1 + overhead) / size * best.samples,
        "inference_saving": 1 - size,
    }


def fixed_size_rows(
    fits: Sequence[Fit],
    budgets: Sequence[float],
    params: Sequence[float],
    fids: Sequence[float] = (),
    datasets: Sequence[str] = (),
) -> Iterator[dict]:
    """What is lost by spending a budget on a model of another size than N*: loss and accuracy
    against those of the optimum, and the share of the budget with which the optimum would not have
    been worse.
    """
    queries = list(itertools.product(budgets, params))
    for fit, name, fid in fits_at_qualities(fits, fids, datasets):
        require_surface(fit, "trades")
        found = answer_rows(fit, fid, _fixed, queries)
        for (flops, count), values in zip(queries, found, strict=True):
            row = identity(fit, name, fid) | {"flops": flops, "params": round(count)}
            yield row | {"samples": round(flops / (fit.k * count))} | values


def _fixed(law: Any, member: Member, flops: Any, params: Any) -> dict[str, Any]:
    best, loss = law.optimum(flops), law.loss(params, flops / (law.k * params))
    return {
        "size": params / best.params,
        "loss": loss,
        "loss_above_optimum": loss - best.loss,
        "accuracy": member.accuracy(loss),
        "accuracy_below_optimum": member.accuracy(best.loss) - member.accuracy(loss),
        "compute_wasted": 1 - law.flops_matching(params, flops / (law.k * params)) / flops,
    }
