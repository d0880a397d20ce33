"""Fitting Approach 2: in two stages, jointly, or without quality.

Source: Bartoldson et al. 2024, Eq. 3, Sec. 3.2, App. F.
"""

import itertools
from collections.abc import Mapping
from functools import partial

import numpy as np

from advlib.errors import DataError
from advlib.laws.approach2 import FORM, at_zero
from advlib.laws.fitting import published
from advlib.laws.fitting.documents import surface_document
from advlib.laws.fitting.observations import (
    fids_of,
    law_columns,
    require_enough,
    require_several_fids,
    rows_of_dataset,
    without_fid,
)
from advlib.laws.fitting.separable import Separable
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Fitted, Progress, Stage, lists, solve
from advlib.runs.table import Table

BASE = "dg20"  # the study's base data set, and the sets its second stage is fitted to
QUALITY = ("edm7", "edm10", "edm20")

# Starts.  Terms as shares of the typical loss at the table's centre, exponents as they are: as many
# starts as the paper's grids, and the same ones in any units.
SHARES = (0.02, 0.05, 0.1, 0.3, 0.8)
EXPONENTS = (0.05, 0.1, 0.25, 0.5, 1.0)
BASE_STARTS = np.array(list(itertools.product(SHARES, SHARES, SHARES, EXPONENTS, EXPONENTS))).T
JOINT_STARTS = np.array(
    list(
        itertools.product(
            (0.05, 0.2),
            (0.05, 0.2),
            (0.3, 0.8),
            (0.1, 0.25, 0.5),
            (0.1, 0.25, 0.5),
            (-0.3, -0.15, 0.15, 0.3),
            (0.01, 0.1, 0.2),
        )
    )
).T
QUALITY_STARTS = np.array(list(itertools.product(*reversed(published.QUALITY_GRID)))).T


def documents(
    table: Table, settings: Settings, notes: list[str], progress: Progress = iter
) -> list[dict]:
    """The fit document of a table; see `documents`."""
    return [surface_document(FORM, partial(fit, progress=progress), table, settings, notes)]


def fit(table: Table, settings: Settings, progress: Progress = iter) -> Fitted:
    """Fit Eq. 3 to rows in canonical order (columns params, samples, loss; dataset, fid).

    Raises DataError where the table has too few rows or not the data sets that were named.
    """
    fids = fids_of(table)
    variant = settings.variant
    if variant is None:
        asked = settings.base or settings.quality
        variant = "two-stage" if len(fids) > 1 or asked else "plain"
    if variant == "plain":
        return _one_stage(table, np.ones(len(table), bool), settings, variant, progress)
    require_several_fids(fids, table, variant, "--plain fits the law without quality")
    if variant == "joint":
        return _one_stage(table, np.isfinite(table["fid"]), settings, variant, progress)
    return _two_stages(table, fids, settings, progress)


def _one_stage(
    table: Table, used: np.ndarray, settings: Settings, variant: str, progress: Progress
) -> Fitted:
    """All rows at once: the plain form, or Eq. 3 with its quality terms."""
    data = table.take(np.flatnonzero(used))
    quality = variant == "joint"
    names = FORM.names if quality else FORM.names_without_quality
    free = Separable.places(names)
    require_enough(data, len(free))
    columns = law_columns(data, None if quality else 0.0)
    if settings.recipe == "published":
        if quality:
            raise DataError("--recipe published fits Approach 2 in two stages; drop --joint")
        found = published.base(data["params"], data["samples"], data["loss"], progress)
        stage = published.stage("base", Separable(*columns), found, free)
        return Fitted(variant, stage.parameters, [stage], {}, used)
    reference = float(np.expm1(np.log1p(data["fid"]).mean())) if quality else 0.0

    def build(held_at: float | None = None) -> Separable:
        return Separable(*columns, held_at=held_at, reference_fid=reference)

    def starts(model: Separable) -> np.ndarray:
        grid = JOINT_STARTS if quality else BASE_STARTS
        return model.starts(grid[:3], *grid[3:])

    stage, drawn = solve(variant, build, starts, data, free, settings)
    parameters = {name: stage.parameters[name] for name in names}
    drawn = {name: drawn[name] for name in names} if drawn else {}
    notes = stage.notes + without_fid(used)
    return Fitted(variant, parameters, [stage], lists(drawn), used, None, notes)


def stage_sets(
    table: Table, fids: dict[str, float], settings: Settings
) -> tuple[str, tuple[str, ...], list[str]]:
    """The base data set and those of the second stage: as asked, the study's, or by FID; and notes
    of what the table chose.
    """
    base, quality, notes = settings.base, settings.quality, []
    for name in (*([base] if base else []), *quality):
        if name not in fids:
            raise DataError(
                f"{table.source}: no data set {name!r} with a FID; has {', '.join(fids)}"
            )
    if base is None:
        base = BASE if BASE in fids else min(fids, key=lambda name: fids[name])
        if base != BASE:
            notes.append(f"base data set: {base}, of the lowest FID")
    if not quality:
        quality = tuple(name for name in QUALITY if name in fids and name != base)
        if quality != QUALITY:
            quality = tuple(name for name in fids if name != base)
            notes.append(f"quality fitted on {', '.join(quality)}")
    if base in quality:
        raise DataError(f"data set {base!r} is the base and cannot be in --quality too")
    return base, quality, notes


def _two_stages(
    table: Table, fids: dict[str, float], settings: Settings, progress: Progress
) -> Fitted:
    """A, alpha, B, beta, E on the base set, then zeta and eps on the others with the rest held."""
    base, quality, notes = stage_sets(table, fids, settings)
    in_base, in_quality = (rows_of_dataset(table, names) for names in ([base], quality))
    first, second = (table.take(np.flatnonzero(rows)) for rows in (in_base, in_quality))
    require_enough(first, len(FORM.names_without_quality))
    used = in_base | in_quality
    if settings.recipe == "published":
        fitted = _published_stages(first, second, fids[base], progress)
        return Fitted("two-stage", fitted[1].parameters, fitted, {}, used, base, notes)
    one = _one_stage(first, np.ones(len(first), bool), settings, "plain", progress)
    one.stages[0].name = "base"
    two, drawn = _quality_stage(second, one, fids[base], settings)
    stages, notes = [*one.stages, two], notes + one.notes
    return Fitted("two-stage", two.parameters, stages, lists(drawn), used, base, notes)


def _quality_stage(
    data: Table, one: Fitted, reference: float, settings: Settings
) -> tuple[Stage, dict[str, np.ndarray]]:
    """Zeta and eps on rows of other data sets, the rest held at the base's law or its draws."""
    extra = Separable.places(FORM.quality_names)
    zeta, eps = (Separable.place(name) for name in ("zeta", "eps"))

    def build(held_at: float | None = None) -> Separable:
        columns = law_columns(data)
        return Separable(*columns, held_at=held_at, reference_fid=reference)

    def at_base(model: Separable, law: Mapping[str, np.ndarray]) -> np.ndarray:
        return model.theta({**law, "zeta": 0.0 * law["A"], "eps": 0.0 * law["A"]})

    def starts(model: Separable) -> np.ndarray:
        law = {key: np.array([value]) for key, value in one.parameters.items()}
        theta = np.repeat(at_base(model, law), QUALITY_STARTS.shape[1], axis=1)
        theta[extra] = QUALITY_STARTS
        if no_floor:
            theta[eps] = 0.0
        return theta

    def draw_starts(model: Separable, theta: np.ndarray) -> np.ndarray:
        start = at_base(model, {key: np.array(values) for key, values in one.draws.items()})
        start[extra] = theta[extra]
        return start

    no_floor = one.parameters["E"] <= 0  # then eps scales nothing
    free = [zeta] if no_floor else extra
    stage, drawn = solve("quality", build, starts, data, free, settings, 1, draw_starts)
    if drawn:
        drawn["eps"][drawn["E"] <= 0] = 0.0
    return stage, drawn


def _published_stages(
    first: Table, second: Table, reference: float, progress: Progress
) -> list[Stage]:
    """The two stages by the study's recipe."""
    found = published.base(first["params"], first["samples"], first["loss"], progress)
    model = Separable(*law_columns(first), reference_fid=reference)
    one = published.stage("base", model, found, Separable.places(FORM.names_without_quality))
    extra = published.quality(found.law, reference, *law_columns(second))
    model = Separable(*law_columns(second), reference_fid=reference)
    found = extra.with_law(at_zero(found.law | extra.law, reference))
    return [one, published.stage("quality", model, found, Separable.places(FORM.quality_names))]
