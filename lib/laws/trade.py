"""Model size against training compute: what a smaller or larger model than the optimal one costs.

Source: Bartoldson et al. 2024, Sec. 3.2, Eq. 6, Fig. 7; Eq. 6 is solved on the law itself, so it
holds for Approach 3 too.
"""

import itertools
import math
from collections.abc import Iterator

from advlib.laws.rows import answer, counts, each, head, needs_surface
from advlib.laws.surface import Surface

ROUNDING = 1e-12  # an overhead below this is none


def data_multiple(law: Surface, flops: float, size: float) -> float:
    """w_D of Eq. 6: samples, over the optimal ones, with which `size` times N* parameters reach the
    optimal loss of the budget; inf where no amount of data does.
    """
    best = law.optimum(flops)
    return law.samples_for(best.loss, size * best.params) / best.samples


def smallest_size(law: Surface, flops: float, overhead: float) -> float:
    """The least w_N with w_N w_D - 1 <= `overhead` (> 0), by bisection: the overhead falls from
    infinity to 0 as w_N rises to 1.
    """
    low, high = -60.0, 0.0  # log w_N
    while high - low > 1e-12:
        middle = (low + high) / 2
        size = math.exp(middle)
        if size * data_multiple(law, flops, size) - 1 > overhead:
            low = middle
        else:
            high = middle
    return math.exp(high)


def trade_rows(fits, budgets, sizes, fids=(), datasets=()) -> Iterator[dict]:
    """For models of `sizes` times N*: the data multiple that keeps the optimal loss, the training
    compute that this adds, the inference compute that it saves.
    """
    for fit, name, fid in each(fits, fids, datasets):
        needs_surface(fit, "trades")
        for flops, size in itertools.product(budgets, sizes):
            row = head(fit, name, fid) | {"flops": flops, "size": size}
            row |= counts(answer(fit, fid, _trade, flops, size))
            yield row | {"inference_saving": 1 - size}


def _trade(law, member, flops, size) -> dict[str, float]:
    best, data = law.optimum(flops), data_multiple(law, flops, size)
    overhead = size * data - 1
    return {
        "params": size * best.params,
        "samples": data * best.samples,
        "data_multiple": data,
        "overhead": overhead if abs(overhead) > ROUNDING else 0.0,
    }


def smallest_rows(fits, budgets, overheads, fids=(), datasets=()) -> Iterator[dict]:
    """For each share of extra training compute (0.1 is 10 %), the smallest model that needs no
    more of it to reach the optimal loss: the inverse of Eq. 6.
    """
    for fit, name, fid in each(fits, fids, datasets):
        needs_surface(fit, "trades")
        for flops, overhead in itertools.product(budgets, overheads):
            row = head(fit, name, fid) | {"flops": flops, "overhead": overhead}
            yield row | counts(answer(fit, fid, _smallest, flops, overhead))


def _smallest(law, member, flops, overhead) -> dict[str, float]:
    best, size = law.optimum(flops), smallest_size(law, flops, overhead)
    return {
        "size": size,
        "params": size * best.params,
        "samples": (1 + overhead) / size * best.samples,
        "inference_saving": 1 - size,
    }


def fixed_size_rows(fits, budgets, params, fids=(), datasets=()) -> Iterator[dict]:
    """What is lost by spending a budget on a model of another size than N*: loss and accuracy
    against those of the optimum, and the share of the budget with which the optimum would not have
    been worse.
    """
    for fit, name, fid in each(fits, fids, datasets):
        needs_surface(fit, "trades")
        for flops in budgets:
            for count in params:
                row = head(fit, name, fid) | {"flops": flops, "params": round(count)}
                row["samples"] = round(flops / (fit.k * count))
                yield row | answer(fit, fid, _fixed, flops, count)


def _fixed(law, member, flops, params) -> dict[str, float]:
    best, loss = law.optimum(flops), law.loss(params, flops / (law.k * params))
    return {
        "size": params / best.params,
        "loss": loss,
        "loss_above_optimum": loss - best.loss,
        "accuracy": member.accuracy(loss),
        "accuracy_below_optimum": member.accuracy(best.loss) - member.accuracy(loss),
        "compute_wasted": 1 - law.flops_for(loss) / flops,
    }
