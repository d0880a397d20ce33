"""Noise levels against those of the public code, and what they must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import EDM, SOLVERS

from advlib.errors import DataError
from advlib.generators.time_schedules import LOWEST, SCHEDULES, VPTime, levels

OFFICIAL = {
    "polynomial7": ("karras", None),
    "logsnr": ("logsnr", None),
    "time_uniform1": ("uniform", None),
    "time_uniform2": ("uniform", 2),
    "time_uniform7": ("uniform", 7),
}


SCHEDULED = [key for key in SOLVERS.files if key.startswith("schedule/") and "/vp_" not in key]


@pytest.mark.parametrize("key", SCHEDULED)
def test_levels_are_those_of_the_public_code(key):
    _, name, steps = key.split("/", 2)
    schedule, rho = OFFICIAL[name]
    found = levels(schedule, int(steps) + 1, rho=rho)
    np.testing.assert_allclose(found, SOLVERS[key], rtol=1e-9)


@pytest.mark.parametrize("steps", [5, 6, 7, 10, 18, 20])
def test_heuns_levels_are_edms_which_add_a_zero(steps):
    found = [*levels("karras", steps), 0]
    np.testing.assert_allclose(found, EDM[f"t_steps_{steps}"], rtol=1e-9)


def test_times_are_those_of_the_public_code():
    found = VPTime.between()
    np.testing.assert_allclose(
        [found.offset, found.slope + found.offset], SOLVERS["schedule/vp_beta_0_beta_1"], rtol=1e-8
    )
    times = found.time(SOLVERS["schedule/time_uniform2/8"])
    np.testing.assert_allclose(times, SOLVERS["schedule/vp_time/time_uniform2/8"], rtol=1e-9)
    np.testing.assert_allclose(found.level(times), SOLVERS["schedule/time_uniform2/8"], rtol=1e-9)


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.integers(2, 200),
    st.floats(1e-4, 1.0),
    st.floats(1.5, 1e3),
    st.floats(0.5, 20.0),
)
def test_levels_fall_from_the_highest_to_the_lowest(schedule, points, low, high, rho):
    try:
        found = levels(schedule, points, low, high, rho)
    except DataError as err:
        assert schedule == "uniform" and "lower lowest" in str(err)
        return
    assert found[0] == high and found[-1] == low and len(found) == points
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 80.0), (-1.0, 80.0), (80.0, 0.002), (1.0, 1.0), (0.1, float("inf"))]
)
def test_ranges_that_make_no_sense_are_refused(low, high):
    with pytest.raises(DataError, match=r"noise levels: found .* to .*; expected 0 < lowest"):
        levels("karras", 10, low, high)


def test_a_process_that_would_go_backwards_is_refused():
    """VP time .001 is of the lowest level: it must be almost without noise."""
    with pytest.raises(DataError, match=r"uniform from 2 to 1: .*expected a lower lowest level"):
        levels("uniform", 3, 1.0, 2.0)


def test_a_single_level_is_refused():
    with pytest.raises(DataError, match=r"noise levels: found 1; expected 2 or more"):
        levels("karras", 1, LOWEST, 80.0)
