"""Levels placed by dynamic programming, against the public code's costs and choices."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mixture import denoise, noise
from reference import SOLVERS, assert_near, denoiser

from advlib.errors import DataError
from advlib.generators import gits
from advlib.generators.solvers.euler import Euler
from advlib.generators.solvers.heun import Heun
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.solvers.solver import Field
from advlib.generators.time_schedules import levels

CHOSEN = [
    key
    for key in SOLVERS.files
    if key.startswith("gits/") and "/indices_" in key and "afs_search" not in key
]


def table_of(tag):
    return SOLVERS[f"gits/{tag.replace('_coeff1', '')}/cost"]


@pytest.mark.parametrize("key", [key for key in CHOSEN if "_afs/" not in key])
def test_levels_chosen_from_costs_are_the_public_codes(key):
    _, tag, name = key.split("/")
    steps = int(name.removeprefix("indices_"))
    points, cost = gits.fewest(table_of(tag), steps, later=1.0 if "coeff1" in tag else 1.15)
    assert points == SOLVERS[key].tolist()
    assert cost == pytest.approx(float(SOLVERS[f"gits/{tag}/objective_{steps}"]), rel=1e-9)


@given(st.integers(3, 8), st.integers(1, 7), st.integers(0, 2**32), st.sampled_from([1.0, 1.15, 2]))
def test_no_other_choice_costs_less(points, steps, seed, later):
    table = np.triu(np.random.default_rng(seed).normal(size=(points, points)), 1)
    if steps >= points:
        with pytest.raises(DataError, match=rf"steps: found {steps}; expected 1 to {points - 1},"):
            gits.fewest(table, steps, later)
        return
    chosen, cost = gits.fewest(table, steps, later)

    def of(way):
        jumps = itertools.pairwise(way)
        return sum(later**k * table[jump] for k, jump in enumerate(jumps))

    inner = itertools.combinations(range(1, points - 1), steps - 1)
    assert (
        cost
        == pytest.approx(of(chosen))
        == pytest.approx(min(of((0, *w, points - 1)) for w in inner))
    )


@pytest.mark.parametrize("metric", gits.METRICS)
@pytest.mark.parametrize("teacher", [IPNDM(), Heun()], ids=["ipndm", "heun"])
def test_costs_are_those_of_euler_jumps_along_the_path(metric, teacher):
    """By a loop over pairs of points; Heun's path is by other slopes than those that it keeps."""
    grid = levels("karras", 9)
    found = gits.path(teacher, Field(denoise), noise(6, 80.0), [float(t) for t in grid])
    table = gits.costs(found, metric)
    states = found.states.flatten(2).numpy()
    chord = (states[-1] - states[0]) / np.linalg.norm(states[-1] - states[0], axis=1, keepdims=True)

    def bend(x):
        off = x - states[0]
        return np.linalg.norm(off - (off * chord).sum(1, keepdims=True) * chord, axis=1).mean()

    for i, j in itertools.combinations(range(9), 2):
        slope = (states[i] - denoise(found.states[i], grid[i]).flatten(1).numpy()) / grid[i]
        jump = states[i] + (grid[j] - grid[i]) * slope
        if metric == "dev":
            expected = bend(jump) - bend(states[j])
        else:
            expected = np.linalg.norm(jump - states[j], ord=int(metric[1]), axis=1).mean()
        assert table[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert (np.tril(table) == 0).all()


def test_ten_evaluations_at_chosen_levels_beat_eleven_of_heun():
    def error(solver, grid):
        found = solver.end(Field(denoise), start, [float(t) for t in grid])
        return (found - exact).flatten(1).norm(dim=1).mean().item()

    start = noise(256, 80.0)
    exact = Heun().end(Field(denoise), start, levels("logsnr", 2001).tolist())
    grid = levels("karras", gits.POINTS)
    found = gits.path(IPNDM(), Field(denoise), noise(256, 80.0, seed=1), grid.tolist())
    heun = error(Heun(), [*levels("karras", 6), 0])
    for metric in gits.METRICS:
        chosen, _ = gits.fewest(gits.costs(found, metric), 10)
        assert error(IPNDM(), grid[chosen]) < heun / 5


def test_the_levels_that_the_authors_print_are_points_of_the_grid():
    places = SOLVERS["own/readme_gits_example_indices_of_61"]
    grid = levels("karras", gits.POINTS)[places]
    np.testing.assert_allclose(grid, SOLVERS["own/readme_gits_example_time_steps"], atol=1e-4)


TAGS = {  # of searches: teacher, points of its grid, metric
    "ipndm4_61_dev": (IPNDM(), 61, "dev"),
    "ipndm4_21_dev": (IPNDM(), 21, "dev"),
    "ipndm4_21_l1": (IPNDM(), 21, "l1"),
    "ipndm4_21_l2": (IPNDM(), 21, "l2"),
    "heun_21_dev": (Heun(), 21, "dev"),
    "ipndm4_21_dev_afs": (IPNDM(), 21, "dev"),
}
WARMUP = torch.from_numpy(SOLVERS["gits/warmup_latents"])


def teacher_of(tag):
    solver, points, _ = TAGS[tag]
    field = Field(denoiser("ddpmpp", SOLVERS["gits/warmup_labels"]), analytic=tag.endswith("afs"))
    return gits.path(solver, field, 80 * WARMUP, levels("karras", points).tolist())


@pytest.mark.parametrize("tag", TAGS)
def test_costs_are_the_public_codes(tag):
    found = teacher_of(tag)
    table = gits.costs(found, TAGS[tag][2])
    expected = np.triu(SOLVERS[f"gits/{tag}/cost"], 1)
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-5)
    if f"gits/{tag}/teacher_end" in SOLVERS:
        assert_near(found.states[-1, :2], SOLVERS[f"gits/{tag}/teacher_end"])


@pytest.mark.parametrize(("name", "solver"), [("ipndm4", IPNDM()), ("euler", Euler())])
def test_the_free_step_is_the_public_codes(name, solver):
    teacher = teacher_of("ipndm4_21_dev_afs")
    denoise = denoiser("ddpmpp", SOLVERS["gits/warmup_labels"])

    def ends(points):
        grid = teacher.levels[list(points)].tolist()
        return solver.end(Field(denoise, analytic=True), 80 * WARMUP, grid)

    base = SOLVERS["gits/afs_search/base_indices"].tolist()
    found = gits.with_free_step(base, teacher, ends)
    assert found == SOLVERS[f"gits/afs_search/indices_{name}"].tolist()
    assert gits.with_free_step([0, 1, 20], teacher, ends) == [0, 1, 20]


@pytest.mark.parametrize("steps", [4, 6])
def test_a_search_with_a_free_step_chooses_as_the_public_code(steps):
    teacher = teacher_of("ipndm4_21_dev_afs")
    denoise = denoiser("ddpmpp", SOLVERS["gits/warmup_labels"])

    def ends(points):
        grid = teacher.levels[list(points)].tolist()
        return IPNDM().end(Field(denoise, analytic=True), 80 * WARMUP, grid)

    chosen, _ = gits.fewest(gits.costs(teacher, "dev"), steps)
    found = gits.with_free_step(chosen, teacher, ends)
    assert found == SOLVERS[f"gits/ipndm4_21_dev_afs/indices_{steps}"].tolist()
