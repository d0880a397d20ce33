"""All runs of the public samplers repeated: EDM's, PFGM++'s, diff-sampler's, SiD's and ECT's."""

import json

import numpy as np
import pytest
import torch
from reference import EDM, PFGMPP, SOLVERS, assert_near, denoiser

from advlib.generators.solvers import SOLVERS as KINDS
from advlib.generators.solvers import Field
from advlib.generators.solvers.consistency import Consistency
from advlib.generators.solvers.heun import Churn, Heun
from advlib.generators.solvers.ipndm_v import IPNDMV
from advlib.generators.solvers.multistep import adams_bashforth
from advlib.generators.time_schedules import VPTime, levels

LATENTS, LABELS = torch.from_numpy(EDM["latents"]), EDM["labels"]
RUNS = {
    str(name): (json.loads(str(settings)), int(count))
    for name, settings, count in zip(
        *(SOLVERS[f"runs/{what}"] for what in ("name", "settings_json", "evaluations")), strict=True
    )
}
SCHEDULES = {"polynomial": "karras", "logsnr": "logsnr", "time_uniform": "uniform"}


class PublicIPNDMV(IPNDMV):
    """With the weights of the public code, in which brackets are misplaced from order 3 on."""

    def weights(self, levels, step, order):
        h0, *h = [levels[step - k] - levels[step + 1 - k] for k in range(order)]
        second = h0 / h[0] / 2 if order > 1 else 0.0
        found = [1 + second, -second]
        if order > 2:
            part = h0 / (3 * (h0 + h[0]))
            third = (1 - part * h0 * (h0 + h[0]) / (h[0] * (h[0] + h[1]))) / 2
            r = h[0] / h[1]
            found = [found[0] + third, found[1] - (1 + r) * third, r * third]
        if order > 3:
            near, far = h0 + h[0], h[0] + h[1]
            fourth = (1 - part) / 2 + (1 - h0 / (2 * near)) * h0 / (6 * (near + h[1]))
            fourth *= h0 * near * (near + h[1]) / (h[0] * far * (far + h[2]))
            q = h[0] * far / (h[1] * (h[1] + h[2]))
            found = [
                found[0] + fourth,
                found[1] - (1 + r + q) * fourth,
                found[2] + (r + q * (1 + h[1] / h[2])) * fourth,
                -q * r * fourth,
            ]
        return [-h0 * weight for weight in found[:order]]


def solver_of(settings):
    """Our solver with a run's settings."""
    name, order = settings["solver"], settings.get("max_order")
    if settings.get("deis_mode") == "rhoab":
        return IPNDMV(order)
    if name == "ipndm_v":
        return PublicIPNDMV(order)
    kind = KINDS[name]
    if name not in ("dpmpp", "unipc"):
        return kind() if order is None else kind(order)
    form = {
        "data": settings["predict_x0"],
        "thresholding": bool(settings["thresholding"]),
        "lower_at_end": settings["lower_order_final"],
    }
    if name == "unipc":
        form["exponential"] = settings["variant"] == "bh2"
    return kind(order, **form)


def levels_of(settings):
    """The levels of a run."""
    if settings["schedule"].startswith("explicit: "):
        return SOLVERS[settings["schedule"].removeprefix("explicit: ")].tolist()
    schedule = SCHEDULES[settings["schedule"]]
    return levels(schedule, settings["num_steps"], rho=settings["rho"]).tolist()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_ends_where_that_of_the_public_code_does(name):
    settings, count = RUNS[name]
    grid = levels_of(settings)
    field = Field(denoiser("ddpmpp", LABELS), analytic=settings.get("afs", False))
    states = list(solver_of(settings).states(field, grid[0] * LATENTS, grid))
    found = states[-1]
    if settings.get("denoise_to_zero"):
        found = field.denoised(found, grid[-1])
    # sums of 10,000 values where this integrates
    tolerance = 3e-4 if settings["solver"] == "deis" else 1e-4
    assert_near(found, SOLVERS[f"sample/{name}"], tolerance)
    assert field.evaluations == count
    if f"trajectory/{name}" in SOLVERS:
        assert_near(torch.stack(states), SOLVERS[f"trajectory/{name}"][1:])


def test_there_are_79_runs_of_all_solvers():
    assert len(RUNS) == 79
    solvers = {settings["solver"].replace("_", "-") for settings, _ in RUNS.values()}
    assert solvers == set(KINDS) - {"consistency"}


@pytest.mark.parametrize("form", ["ddpmpp", "ncsnpp"])
@pytest.mark.parametrize("steps", [5, 18])
def test_heun_is_edms_and_pfgmpps_sampler(form, steps):
    numbers = EDM if form == "ddpmpp" else PFGMPP
    grid = [*levels("karras", steps).tolist(), 0.0]
    begin = torch.from_numpy(numbers["latents"]) * (grid[0] if form == "ddpmpp" else 1)
    found = Heun().end(Field(denoiser(form, numbers["labels"])), begin, grid)
    assert_near(found, numbers[f"sample_{steps}"])


def test_churn_is_edms():
    steps, amount, low, high, scale = EDM["churn_settings"].tolist()
    noise = torch.from_numpy(EDM["churn_noise"]).double()
    heun = Heun(Churn(amount, low, high, scale), lambda step: noise[step])
    grid = [*levels("karras", int(steps)).tolist(), 0.0]
    found = heun.end(Field(denoiser("ddpmpp", LABELS)), grid[0] * LATENTS, grid)
    assert_near(found, EDM["churn_sample_8"])


def test_one_and_two_step_networks_jump_as_sids_and_ects_do():
    sid = Consistency().end(Field(denoiser("ddpmpp", LABELS)), 2.5 * LATENTS, [2.5])
    assert_near(sid, SOLVERS["one_step/sid"])
    noise = torch.from_numpy(SOLVERS["two_step/ect_noise"]).double()
    field = Field(denoiser("ddpmpp", LABELS, "ect"))
    jumps = Consistency(lambda step: noise).states(field, 80 * LATENTS, [80.0, 0.821])
    assert_near(next(jumps), SOLVERS["one_step/ect"])
    assert_near(next(jumps), SOLVERS["two_step/ect_0.821"])


@pytest.mark.parametrize("order", [3, 4])
def test_exact_weights_and_samples_are_those_of_exact_integrals(order):
    grid = levels("karras", 9)
    expected = SOLVERS[f"own/variable_step_ab_coeff/poly7/8/order{order}"]
    for step, row in enumerate(expected):
        weights = adams_bashforth(grid, step, min(order, step + 1))
        np.testing.assert_allclose(weights, row[~np.isnan(row)], rtol=1e-9)
    found = IPNDMV(order).end(Field(denoiser("ddpmpp", LABELS)), grid[0] * LATENTS, grid.tolist())
    assert_near(found, SOLVERS[f"own/sample/variable_step_ab{order}/poly7/8"])


@pytest.mark.parametrize("schedule", ["time2", "poly7"])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_weights_of_deis_are_the_integrals_that_the_public_code_sums(schedule, order):
    expected = SOLVERS[f"deis_tab_coeff/{schedule}/8/order{order}"]
    grid = levels(
        *{"time2": ("uniform", 9), "poly7": ("karras", 9)}[schedule],
        rho=(2 if schedule == "time2" else 7),
    )
    for step in range(1, 8):
        points = min(order, step + 1)
        weights = adams_bashforth(grid, step, points, VPTime.between().time)
        np.testing.assert_allclose(weights, expected[step, :points], rtol=2e-4)
