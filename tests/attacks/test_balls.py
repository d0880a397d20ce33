"""Directions in balls: their length, and where there is none."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advlib.attacks.balls import ORDERS, steepest, without_direction


@pytest.mark.parametrize("norm", ORDERS)
@given(power=st.integers(-45, 3), zeros=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_gradient_leads_nowhere_where_it_makes_less_than_half_a_step(norm, power, zeros, seed):
    draws = torch.Generator().manual_seed(seed)
    gradient = torch.randn(4, 3, 2, 2, generator=draws, dtype=torch.float64) * 10.0**power
    gradient *= torch.rand(gradient.shape, generator=draws) >= zeros
    gradient = gradient.float()
    ahead = torch.linalg.vector_norm(steepest(gradient, norm, 0.3).flatten(1), ORDERS[norm], dim=1)
    assert without_direction(gradient, norm).tolist() == (ahead < 0.5 - 1e-6).tolist()
    assert torch.equal(without_direction(0 * gradient, norm), torch.ones(4, dtype=torch.bool))


def test_small_gradients_lead_somewhere_where_steps_are_their_signs():
    gradient = torch.full((1, 3, 2, 2), 1e-20)
    nowhere = {norm: bool(without_direction(gradient, norm)) for norm in ORDERS}
    assert nowhere == {"Linf": False, "L2": True, "L1": False}
