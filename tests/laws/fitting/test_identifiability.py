"""What a table determines of a law."""

import numpy as np
import pytest

from advlib.laws.fitting.identifiability import determination


def test_standard_errors_are_those_of_least_squares():
    rng = np.random.default_rng(0)
    jacobian = rng.standard_normal((4000, 3)) * (1, 10, 0.1)
    noise = 0.01 * rng.standard_normal(4000)
    condition, found = determination(("A", "B", "eps"), jacobian, noise, {"eps": 1.0}, {"eps"})
    expected = 0.01 * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    assert [entry["standard_error"] for entry in found.values()] == pytest.approx(
        expected, rel=0.05
    )
    assert condition == pytest.approx(1, abs=0.1)


def test_collinear_parameters_are_open():
    x = np.linspace(0, 1, 50)
    jacobian = np.array([np.ones(50), np.ones(50) + 1e-9 * x]).T
    condition, found = determination(("A", "alpha"), jacobian, 0.01 * np.cos(9 * x), {}, set())
    assert condition > 1e6
    assert not found["A"]["determined"]
    assert found["A"]["partner"] == "alpha"
