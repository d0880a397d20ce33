"""Learning rate, momentum, averages and evaluations over a run, against the official code."""

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from torch import nn

from advlib.training import schedule

WARMUP = 0.025  # the study's


@given(st.integers(1, 3000), st.floats(1e-3, 10), st.sampled_from([0.0, 0.025, 0.1, 0.3, 0.9]))
@example(100, 0.2, 0.025)
@example(2000, 0.1, 0.025)
@example(1, 0.2, 0.025)
def test_one_cycle_is_torchs(epochs, peak, warmup):
    assume(abs(warmup * epochs - 1) > 1e-9)  # there torch divides by zero
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=peak, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=peak, total_steps=epochs, pct_start=warmup
    )
    group = optimiser.param_groups[0]
    optimiser.step()  # torch warns of a scheduler that steps first
    for epoch in range(min(epochs, 120)):
        found = schedule.one_cycle(epoch, epochs, peak, warmup)
        assert found == pytest.approx((group["lr"], group["momentum"]), rel=1e-9)
        if epoch < epochs - 1:
            scheduler.step()


def test_one_cycle_of_the_study():
    rates, momenta = zip(
        *(schedule.one_cycle(e, 100, 0.2, WARMUP) for e in range(100)), strict=True
    )
    assert np.round(rates[:3], 3).tolist() == [0.008, 0.152, 0.2]
    assert rates[-1] == pytest.approx(8e-7)
    assert (momenta[0], momenta[-1]) == pytest.approx((0.95, 0.95))
    assert min(momenta) == pytest.approx(0.85, abs=1e-3) and np.argmin(momenta) == 2
    # 40 epochs: the peak falls on the first, where torch has no answer
    assert schedule.one_cycle(0, 40, 0.2, WARMUP) == pytest.approx((0.2, 0.85))


def test_averages_are_copies_until_the_warm_up_ends_and_then_last_longer():
    decays = [schedule.averaging_decay(t, 122.5, 0.995) for t in range(1, 5000)]
    assert decays[:122] == [0.0] * 122
    assert decays[122] == pytest.approx(1.5 / 10.5) and decays[123] == pytest.approx(2.5 / 11.5)
    assert decays[-1] == 0.995 and decays == sorted(decays)
    # (1 + t) / (10 + t) passes .995 at t = 1790
    assert decays[122 + 1789] < 0.995 == decays[122 + 1791]
    assert schedule.averaging_decay(100, 100, 0.995) == pytest.approx(0.1)
    assert schedule.averaging_decay(10**9, 0, 0.9999) == 0.9999


@pytest.mark.parametrize("epochs", [1, 3, 7, 40, 100, 200, 333, 2000])
def test_evaluations_are_at_the_official_epochs(epochs):
    wanted = {int(epochs * k / 40) for k in range(1, 41)} | {
        1,
        4,
        8,
        16,
        epochs - 16,
        epochs - 8,
        epochs - 4,
        epochs - 1,
        epochs,
    }
    reached = [e for e in range(1, epochs + 1) if e in wanted]  # the loop runs from 1
    assert schedule.evaluation_epochs(epochs) == [0, *reached]


def test_the_first_step_decides_the_running_statistics():
    assert [schedule.norm_momentum(step) for step in (0, 1, 2, 10**6)] == [1.0, 0.01, 0.01, 0.01]
