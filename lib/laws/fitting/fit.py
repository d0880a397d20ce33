"""Fitting Approaches 2 and 3 to the best checkpoints of a runs table.

Default recipe: every start of a grid at once, in coordinates without units, to the true minimum
(see `residuals`, `minimise`).  `recipe="published"` does what the study's code did (`published`).

Source: Bartoldson et al. 2024, Sec. 3.2, App. F.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

from advlib.errors import DataError
from advlib.laws.approach2 import at_reference_zero
from advlib.laws.fitting import published, stages
from advlib.laws.fitting.approach2 import Separable
from advlib.laws.fitting.approach3 import Saturating
from advlib.laws.fitting.settings import (
    Settings,
    fids_of,
    law_columns,
    require_enough,
    resample,
    row_weights,
    stage_sets,
)
from advlib.runs.table import Table

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
SATURATING_STARTS = np.array(
    list(
        itertools.product(
            (0.03, 0.1, 0.3),
            (0.03, 0.1, 0.3),
            (0.5, 0.2),
            (0.01, 0.1),
            (0.1, 0.2, 0.3),
            (0.1, 0.2, 0.3),
            (0.8, 0.4),
            (0.01,),
        )
    )
).T


@dataclass
class Fitted:
    """A fitted law: parameters at FID 0, its stages, the draws by parameter, what was used."""

    variant: str
    parameters: dict[str, float]
    stages: list[stages.Stage]
    draws: dict[str, list[float]]
    used: np.ndarray  # rows of the table that were fitted, bool
    base: str | None = None
    notes: list[str] = field(default_factory=list)


def fit_approach2(table: Table, settings: Settings) -> Fitted:
    """Fit Eq. 3 to rows in canonical order (columns params, samples, loss; dataset, fid).

    Raises DataError where the table has too few rows or not the data sets that were named.
    """
    fids = fids_of(table)
    variant = settings.variant
    notes = []
    if variant is None:
        asked = settings.base or settings.quality
        variant = "two-stage" if len(fids) > 1 or asked else "plain"
    if variant != "plain" and len(fids) < 2:
        raise DataError(
            f"{table.source}: {variant} needs data sets of two or more FIDs, found {len(fids)}; "
            "--plain fits the law without quality"
        )
    if variant == "plain":
        rows = np.ones(len(table), bool)
        return _one_stage(table, rows, settings, variant, fids)
    if variant == "joint":
        return _one_stage(table, np.isfinite(table["fid"]), settings, variant, fids)
    base, quality = stage_sets(table, fids, settings, notes)
    fitted = _two_stages(table, base, quality, fids, settings)
    fitted.notes = notes + fitted.notes
    return fitted


def fit_approach3(table: Table, settings: Settings) -> Fitted:
    """Fit Eq. 5 to rows in canonical order, all data sets at once."""
    if len(fids_of(table)) < 2:
        raise DataError(
            f"{table.source}: approach 3 needs data sets of two or more FIDs, "
            f"found {len(fids_of(table))}; approach 2 fits one"
        )
    used = np.isfinite(table["fid"])
    data = table.take(np.flatnonzero(used))
    free = list(range(8))
    require_enough(data, free)
    if settings.recipe == "published":
        law, value, values = published.saturating(*law_columns(data), progress=settings.progress)
        stage = _published_stage("all", Saturating(*law_columns(data)), law, value, values, free)
        return Fitted("all", law, [stage], {}, used)

    def build(**options):
        return Saturating(*law_columns(data), **options)

    def starts(model):
        g = SATURATING_STARTS
        return model.starts(g[:4], g[4], g[5], g[6], g[7])

    stage, drawn = _solve("all", build, starts, data, free, settings)
    notes = stage.notes + _without_fid(used)
    return Fitted("all", stage.parameters, [stage], _lists(drawn), used, None, notes)


def _solve(name, build, starts, data, free, settings, stream=0, begin=None):
    """A stage at its minimum, and its bootstrap draws by parameter, (R,).

    The draws start from the minimum, or from `begin(model, theta)`, (P, R).
    """
    weights = row_weights(data, settings)
    stage, model, theta = stages.minimum(
        name, build, starts, weights, free, settings.delta, settings.seed
    )
    if not settings.bootstrap:
        return stage, {}
    sample = resample(data, settings, stream) * weights
    sample /= sample.sum(axis=0)
    if begin:
        theta = begin(model, theta)
    return stage, stages.draws(build, theta, sample, free, settings.delta)


def _without_fid(used) -> list[str]:
    return [] if used.all() else [f"{(~used).sum()} rows without FID are left out"]


def _one_stage(table, used, settings, variant, fids) -> Fitted:
    """All rows at once: the plain form, or Eq. 3 with its quality terms."""
    data = table.take(np.flatnonzero(used))
    quality = variant == "joint"
    reference = float(np.expm1(np.log1p(data["fid"]).mean())) if quality else 0.0
    free = list(range(7 if quality else 5))
    require_enough(data, free)
    columns = law_columns(data, None if quality else 0.0)
    if settings.recipe == "published":
        if quality:
            raise DataError("--recipe published fits Approach 2 in two stages; drop --joint")
        law, value, values = published.base(
            data["params"], data["samples"], data["loss"], settings.progress
        )
        stage = _published_stage("base", Separable(*columns), law, value, values, free)
        return Fitted(variant, law, [stage], {}, used)

    def build(**options):
        return Separable(*columns, reference_fid=reference, **options)

    def starts(model):
        g = JOINT_STARTS if quality else BASE_STARTS
        return model.starts(g[:3], g[3], g[4], *(g[5:] if quality else ()))

    stage, drawn = _solve(variant, build, starts, data, free, settings)
    names = stage.parameters if quality else list(stage.parameters)[:5]
    parameters = {name: stage.parameters[name] for name in names}
    drawn = {name: drawn[name] for name in names} if drawn else {}
    notes = stage.notes + _without_fid(used)
    return Fitted(variant, parameters, [stage], _lists(drawn), used, None, notes)


def _two_stages(table, base, quality, fids, settings) -> Fitted:
    """A, alpha, B, beta, E on the base set, then zeta and eps on the others with the rest held."""
    dataset = np.array(table["dataset"])
    in_base, in_quality = dataset == base, np.isin(dataset, quality)
    first, second = (table.take(np.flatnonzero(rows)) for rows in (in_base, in_quality))
    require_enough(first, range(5))
    reference = fids[base]
    used = in_base | in_quality
    if settings.recipe == "published":
        law, value, values = published.base(
            first["params"], first["samples"], first["loss"], settings.progress
        )
        one = _published_stage(
            "base",
            Separable(*law_columns(first), reference_fid=reference),
            law,
            value,
            values,
            list(range(5)),
        )
        extra, value, values = published.quality(law, reference, *law_columns(second))
        model = Separable(*law_columns(second), reference_fid=reference)
        law = at_reference_zero(law | extra, reference)
        two = _published_stage("quality", model, law, value, values, [5, 6])
        return Fitted("two-stage", law, [one, two], {}, used, base)
    one = _one_stage(first, np.ones(len(first), bool), settings, "plain", {})
    held = {key: np.array([value]) for key, value in one.parameters.items()}

    def build(floor_at_zero=False):
        return Separable(*law_columns(second), reference_fid=reference, floor_at_zero=floor_at_zero)

    def at_base(model, law):
        return model.theta({**law, "zeta": 0.0 * law["A"], "eps": 0.0 * law["A"]})

    def starts(model):
        theta = np.repeat(at_base(model, held), QUALITY_STARTS.shape[1], axis=1)
        theta[5:] = QUALITY_STARTS
        if no_floor:
            theta[6] = 0.0
        return theta

    def begin(model, theta):
        start = at_base(model, {key: np.array(values) for key, values in one.draws.items()})
        start[5:] = theta[5:]
        return start

    no_floor = one.parameters["E"] <= 0  # then eps scales nothing
    free = [5] if no_floor else [5, 6]
    two, drawn = _solve("quality", build, starts, second, free, settings, stream=1, begin=begin)
    if drawn:
        drawn["eps"][drawn["E"] <= 0] = 0.0
    one.stages[0].name = "base"
    return Fitted(
        "two-stage", two.parameters, [*one.stages, two], _lists(drawn), used, base, one.notes
    )


def _published_stage(name, model, law, value, values, free) -> stages.Stage:
    theta = model.theta(law)[:, None]
    everything = {key: float(v[0]) for key, v in model.parameters(theta).items()}
    names, jacobian = stages.log_derivatives(model, everything, free)
    reached = int((values <= value * (1 + stages.REACHED)).sum())
    return stages.Stage(
        name,
        law,
        value,
        len(values),
        reached,
        len(model.target),
        names,
        jacobian,
        model.residual(theta)[:, 0],
    )


def _lists(draws) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in draws.items()}
