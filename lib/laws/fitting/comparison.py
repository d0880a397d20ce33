"""Which law extrapolates best: all fitted without the same rows, and scored on them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from advlib.laws.document import checked_fit
from advlib.laws.fit import Fit
from advlib.laws.fitting.documents import documents
from advlib.laws.fitting.observations import fids_of, require_numbers, with_quality
from advlib.laws.fitting.scores import pooled_score
from advlib.laws.fitting.selection import checkpoints, condition_text, on_frontier
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Progress
from advlib.laws.forms import FORMS, form_of
from advlib.runs.table import Table

LARGEST = 0.2  # share of runs, those of most FLOPs, that a comparison of laws holds out
OF_ALL = ("rows", "mean_abs_log_error", "coverage")  # scores over all held-out rows


def compare(
    table: Table,
    approaches: Sequence[int],
    settings: Settings,
    variants: Sequence[str] = (),
    notes: list[str] | None = None,
    progress: Progress = iter,
) -> list[dict]:
    """Fit each law without the held-out rows and score all on the same ones, best first.

    variants: of the approaches that have several, by default those that are usually compared.
    Held out unless the settings say otherwise: the fifth of the runs with most FLOPs.  With
    Approach 1 among the laws, they are ranked by the rows of the frontier, of which alone it
    speaks.
    """
    require_numbers(table, "flops", "comparing laws")
    notes = [] if notes is None else notes
    table, settings = with_quality(table, settings)
    if not settings.holdout:
        rows = checkpoints(table, settings, []).table
        limit = f"{np.quantile(rows['flops'], 1 - LARGEST):.4g}"
        settings = replace(settings, holdout=(f"flops>{limit}",))
    chosen = checkpoints(table, settings, notes)
    tested = chosen.held & ~chosen.underfit
    only_optimum = not all(form_of(approach).surface for approach in approaches)
    ranked_by = tested & on_frontier(chosen.table) if only_optimum else tested
    parts = [chosen.table.take(np.flatnonzero(rows)) for rows in (ranked_by, tested)]
    several_fids = len(fids_of(chosen.table)) > 1
    out = []
    for approach in approaches:
        for variant in _variants(approach, variants, several_fids):
            own: list[str] = []
            made = documents(table, approach, replace(settings, variant=variant), own, progress)
            notes += [note for note in own if note not in notes]
            law = f"approach {approach}{f' {variant}' if variant else ''}"
            row: dict[str, Any] = {"law": law, "judged_by": condition_text(settings.held_out)}
            out.append(row | _scores([checked_fit(document) for document in made], *parts))
    out.sort(
        key=lambda row: np.inf if row["mean_abs_log_error"] is None else row["mean_abs_log_error"]
    )
    return [row | {"best": i == 0} for i, row in enumerate(out)]


def _variants(approach: int, asked: Sequence[str], several_fids: bool) -> list[str] | list[None]:
    """The variants of an approach that are compared; [None] for one that has no choice."""
    own = [v for form in FORMS if form.approach == approach and form.surface for v in form.variants]
    if len(own) < 2:
        return [None]
    chosen = [v.name for v in own if v.name in asked]
    if not chosen:
        chosen = [v.name for v in own if (v.compared if several_fids else not v.several_fids)]
    return chosen


def _scores(fits: Sequence[Fit], ranked_by: Table, everything: Table) -> dict[str, Any]:
    """Scores on the rows that laws are ranked by, and on all, of which some laws do not speak."""
    found = pooled_score(fits, everything) if fits[0].form.surface else dict.fromkeys(OF_ALL)
    return pooled_score(fits, ranked_by) | {f"all_{key}": found[key] for key in OF_ALL}
