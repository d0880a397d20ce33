"""All solvers in a world whose denoiser is known: orders of convergence, counts, refusals."""

import numpy as np
import pytest
import torch
from mixture import denoise, noise

from advlib.errors import DataError
from advlib.generators import settings
from advlib.generators.solvers import SOLVERS, Field
from advlib.generators.solvers.consistency import Consistency
from advlib.generators.solvers.deis import DEIS
from advlib.generators.solvers.dpm2 import DPM2
from advlib.generators.solvers.dpmpp import DPMpp
from advlib.generators.solvers.euler import Euler
from advlib.generators.solvers.heun import Heun
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.solvers.ipndm_v import IPNDMV
from advlib.generators.solvers.unipc import UniPC
from advlib.generators.time_schedules import levels

HIGH, LOW = 2.0, 0.3  # where images of the mixture take their shape


def end(solver, grid, x=None, denoiser=denoise):
    """The last state on a grid of levels, and the evaluations an image."""
    field = Field(denoiser)
    x = noise(64, grid[0]) if x is None else x
    return solver.end(field, x, [float(t) for t in grid]), field.evaluations


def even(steps):
    """Even steps: what Adams-Bashforth's constants are made for."""
    return np.linspace(HIGH, LOW, steps + 1)


def fine_start(steps):
    """Steps even in ln sigma after three tiny ones, whose low order hides nothing."""
    first = 1 / (40 * steps**2)
    shares = np.concatenate([first * np.arange(3), np.linspace(3 * first, 1, steps + 1)])
    return HIGH * (LOW / HIGH) ** shares


def plain(kind, order, **settings):
    return kind(order, thresholding=False, lower_at_end=False, **settings)


ORDERS = [  # solver, grid, its order
    (Euler(), even, 1),
    (Heun(), even, 2),
    (DPM2(), even, 2),
    *[(kind(order), even, order) for kind in (IPNDM, IPNDMV, DEIS) for order in (2, 3)],
    # of 4, less what the first steps of lower order leave
    *[(kind(4), even, 3.5) for kind in (IPNDM, IPNDMV, DEIS)],
    *[(kind(3), fine_start, 3) for kind in (IPNDMV, DEIS)],
    # 3M, too, is of order 2: half of the third term is missing
    *[(plain(DPMpp, order, data=data), fine_start, 2) for order in (2, 3) for data in (0, 1)],
    # the corrector adds one to the order
    *[
        (plain(UniPC, order, exponential=e), fine_start, order + 1)
        for order in (2, 3)
        for e in (0, 1)
    ],
]


@pytest.fixture(scope="module")
def exact():
    """Where the paths end, by 4000 steps of order 4."""
    return end(IPNDMV(4), HIGH * (LOW / HIGH) ** np.linspace(0, 1, 4001))[0]


@pytest.mark.parametrize(
    ("solver", "grid", "order"),
    ORDERS,
    ids=[f"{i} {solver.name}" for i, (solver, *_) in enumerate(ORDERS)],
)
def test_errors_fall_with_the_order_of_the_solver(solver, grid, order, exact):
    errors = [
        (end(solver, grid(steps))[0] - exact).flatten(1).norm(dim=1).mean().item()
        for steps in (40, 160)
    ]
    assert np.log(errors[0] / errors[1]) / np.log(4) > order - 0.2


def test_even_weights_are_of_order_two_where_steps_are_not_even(exact):
    def error(solver, steps):
        grid = HIGH * (LOW / HIGH) ** np.linspace(0, 1, steps + 1)
        return (end(solver, grid)[0] - exact).flatten(1).norm(dim=1).mean().item()

    slope = np.log(error(IPNDM(4), 80) / error(IPNDM(4), 320)) / np.log(4)
    assert 1.8 < slope < 2.3


@pytest.mark.parametrize(
    ("name", "steps", "count"),
    [("heun", 5, 9), ("heun", 18, 35), ("euler", 7, 7), ("dpm2", 5, 10), ("ipndm", 10, 10)]
    + [(name, 8, 8) for name in ("ipndm-v", "deis", "dpmpp", "unipc")]
    + [("unipc", 2, 3)],
)
def test_evaluations_are_those_that_are_made(name, steps, count):
    solver = SOLVERS[name]()
    grid = list(levels(solver.schedule, solver.points(steps)))
    grid += [0.0] if solver.ends_at_zero else []
    assert end(solver, grid)[1] == solver.evaluations(grid) == count


def test_an_analytic_first_slope_saves_an_evaluation_and_is_that_of_black_images():
    grid = [float(t) for t in levels("karras", 9)]
    x = noise(4, grid[0])
    calls = []
    field = Field(lambda x, level: calls.append(level), analytic=True)
    first = next(Euler().states(field, x, grid))
    torch.testing.assert_close(first, x + (grid[1] - grid[0]) * x / (1 + grid[0] ** 2) ** 0.5)
    assert calls == []
    field = Field(denoise, analytic=True)
    IPNDM().end(field, x, grid)
    assert field.evaluations == 7


@pytest.mark.parametrize("name", ["ipndm", "ipndm-v", "deis", "dpmpp", "unipc"])
def test_an_order_that_a_solver_has_not_is_refused(name):
    with pytest.raises(DataError, match=rf"order: found 7; expected .* with {name}$"):
        SOLVERS[name](order=7)


@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "consistency"])
def test_images_do_not_hang_on_those_beside_them(name):
    solver = SOLVERS[name]()
    grid = list(levels(solver.schedule, solver.points(6))) + [0.0] * solver.ends_at_zero
    x = noise(5, grid[0])
    together, alone = end(solver, grid, x)[0], end(solver, grid, x[2:3])[0]
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-12)


def test_jumps_lead_from_each_level_to_an_image():
    x, unit = noise(3, 80.0), noise(3, 1.0, seed=4)
    first = denoise(x, 80.0)
    states = list(Consistency(lambda step: unit * step).states(Field(denoise), x, [80.0, 0.8]))
    torch.testing.assert_close(states[0], first)
    torch.testing.assert_close(states[1], denoise(first + 0.8 * unit, 0.8))
    assert end(Consistency(), [2.5], x)[1] == 1
    with pytest.raises(ValueError, match="need noise"):
        end(Consistency(), [80.0, 0.8], x)


def test_the_table_names_every_solver_that_settings_know():
    assert tuple(SOLVERS) == settings.SOLVERS
    assert {name for name, solver in SOLVERS.items() if solver.orders} == set(settings.MULTISTEP)


def test_levels_may_differ_between_images():
    """As with churn that some images of a batch get: each goes its own way."""

    class Some:
        scale = 1.0

        def gamma(self, step, level, steps):
            return torch.tensor([0.0, 0.3], dtype=torch.float64) * (step == 2)

    class All(Some):
        def gamma(self, step, level, steps):
            return 0.3 * (step == 2)

    grid = [*levels("karras", 6), 0.0]
    x, unit = noise(2, grid[0]), noise(2, 1.0, seed=9)
    mixed = end(Heun(churn=Some(), noise=lambda step: unit), grid, x)[0]
    none = end(Heun(), grid, x)[0]
    churned = end(Heun(churn=All(), noise=lambda step: unit), grid, x)[0]
    torch.testing.assert_close(mixed, torch.stack([none[0], churned[1]]), rtol=0, atol=1e-12)
