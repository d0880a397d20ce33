"""Which law extrapolates best: all fitted without the same rows, and scored on them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from advlib.conditions import Comparison
from advlib.laws.document import read_fit
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.scores import on_frontier, pooled
from advlib.laws.fitting.selection import Request, checkpoints, condition_text, require_numbers
from advlib.laws.fitting.settings import fids_of
from advlib.runs.table import Table

LARGEST = 0.2  # share of runs, those of most FLOPs, that a comparison of laws holds out


def compare(table: Table, approaches: Sequence[int], request: Request) -> list[dict]:
    """Fit each law without the held-out rows and score all on the same ones, best first.

    Held out unless `request.holdout` says otherwise: the fifth of the runs with most FLOPs.  With
    Approach 1 among the laws, the verdict is on the rows of the frontier, of which alone it speaks.
    """
    require_numbers(table, "flops", "comparing laws")
    request = replace(request)
    if not request.holdout:
        rows = checkpoints(table, replace(request, notes=[])).table
        limit = f"{np.quantile(rows['flops'], 1 - LARGEST):.4g}"
        request.holdout = (Comparison("flops", ">", limit),)
    chosen = checkpoints(table, request)
    tested = chosen.held & ~chosen.underfit
    frontier = on_frontier(chosen.table) & tested
    laws = []
    for approach in approaches:
        variants = [request.settings.variant]
        if approach == 2 and variants == [None]:
            variants = ["two-stage", "joint"] if len(fids_of(chosen.table)) > 1 else ["plain"]
        for variant in variants:
            own = replace(request, settings=replace(request.settings, variant=variant), notes=[])
            laws.append((approach, variant, documents(table, approach, own)))
            request.notes += [n for n in own.notes if n not in request.notes]
    judged = frontier if 1 in approaches else tested
    out = []
    for approach, variant, found in laws:
        fits = [read_fit("fit", document) for document in found]
        kind = f" {variant}" if approach == 2 and variant else ""
        row = {"law": f"approach {approach}{kind}", "judged_by": condition_text(request.holdout)}
        row |= pooled(fits, chosen.table.take(np.flatnonzero(judged)))
        everything = pooled(fits, chosen.table.take(np.flatnonzero(tested)))
        row |= {f"all_{key}": everything[key] for key in ("rows", "mean_abs_log_error", "coverage")}
        if approach == 1:
            row |= {"all_rows": None, "all_mean_abs_log_error": None, "all_coverage": None}
        out.append(row)
    worst = float("inf")
    out.sort(
        key=lambda row: worst if row["mean_abs_log_error"] is None else row["mean_abs_log_error"]
    )
    return [row | {"best": i == 0} for i, row in enumerate(out)]
