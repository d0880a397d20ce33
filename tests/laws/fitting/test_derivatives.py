"""Exact derivatives of the fitting models against finite differences."""

import numpy as np
import pytest

from advlib.laws.fitting.approach3 import Saturating
from advlib.laws.fitting.interaction import Interacting
from advlib.laws.fitting.separable import Separable

from paper import runs
from simulate import TRUTH2, TRUTH3, TRUTH_INTERACTION

MODELS = {
    "separable": (Separable, TRUTH2, {}),
    "separable from another FID": (Separable, TRUTH2, {"reference_fid": 1.65}),
    "separable without floor": (Separable, TRUTH2 | {"E": 0.0}, {"held_at": 0.0}),
    "saturating": (Saturating, TRUTH3, {}),
    "saturating without floor": (Saturating, TRUTH3 | {"E": 0.0}, {"held_at": 0.0}),
    "interacting": (Interacting, TRUTH_INTERACTION, {}),
}
STEP = 1e-5


def model_and_theta(name):
    law, truth, options = MODELS[name]
    rows = runs().take(np.arange(0, 168, 5))
    columns = (rows[column] for column in ("params", "samples", "fid", "loss"))
    model = law(*columns, **options)
    rng = np.random.default_rng(0)
    theta = model.theta({key: np.array([value]) for key, value in truth.items()})
    return model, theta + 0.05 * rng.standard_normal((len(theta), 3))


def moved(theta, place, step):
    out = theta.copy()
    out[place] += step
    return out


@pytest.mark.parametrize("name", sorted(MODELS))
def test_gradient_is_that_of_finite_differences(name):
    model, theta = model_and_theta(name)
    places = list(range(len(theta)))
    _, columns = model.gradient(theta, places)
    for place, column in zip(places, columns, strict=True):
        up, down = (model.residual(moved(theta, place, s)) for s in (STEP, -STEP))
        assert column == pytest.approx((up - down) / (2 * STEP), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_curvature_is_that_of_finite_differences(name):
    """d2L/didj / L = d2r/didj + dr/di dr/dj with r = log L, summed with weights over rows."""
    model, theta = model_and_theta(name)
    places = list(range(len(theta)))
    weight = np.random.default_rng(1).uniform(0.5, 1.5, (len(model.target), theta.shape[1]))
    _, columns, curvature = model.derivatives(theta, places)
    found = curvature(weight)
    assert all(i <= j for i, j in found)
    for i in places:
        up, down = (model.gradient(moved(theta, i, s), places)[1] for s in (STEP, -STEP))
        for j in places[i:]:
            second = (up[j] - down[j]) / (2 * STEP) + columns[i] * columns[j]
            expected = (weight * second).sum(axis=0)
            scale = np.abs(weight * columns[i] * columns[j]).sum(axis=0)
            least = 1e-6 * scale.max() + 1e-7
            assert found.get((i, j), 0.0) == pytest.approx(expected, rel=1e-5, abs=least)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_coordinates_and_parameters_are_inverse(name):
    law, truth, _ = MODELS[name]
    model, _ = model_and_theta(name)
    theta = model.theta({key: np.array([value]) for key, value in truth.items()})
    found = model.parameters(theta)
    assert {key: float(value[0]) for key, value in found.items()} == pytest.approx(
        truth, rel=1e-9, abs=1e-12
    )
    assert [c.parameter for c in law.coordinates if c.parameter not in truth] == []
