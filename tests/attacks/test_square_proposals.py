"""What Square Attack tries, against the AutoAttack library."""

import math

import pytest
import torch
from pyautoattack.autopgd_base import L1_projection
from pyautoattack.square import SquareAttack

from advlib.attacks.balls import back_l1
from advlib.attacks.square_proposals import proposals


@pytest.mark.parametrize("norm", ["Linf", "L2", "L1"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 64, 64), (2, 8, 7), (3, 5, 4)])
def test_sides_are_the_librarys(norm, shape):
    its = SquareAttack(None, p_init=0.8, norm=norm, resc_schedule=False)
    made = proposals(norm, 0.1, shape)
    for step in range(9000):
        # by c and back again: as the library has it, whose roots round
        root = math.sqrt(its.p_selection(step) * math.prod(shape) / shape[0])
        side = max(round(root), 1) if norm == "Linf" else max(round(root), 3)
        if norm != "Linf" and side % 2 == 0:
            side += 1
        assert made.side(step) == min(side, *shape[1:])


@pytest.mark.parametrize("eps", [0.3, 3.0, 40.0, 1000.0])
def test_the_projection_is_the_librarys(eps):
    torch.manual_seed(0)
    images = torch.rand(40, 3, 6, 5)
    images[10:20] = images[10:20].round()
    moved = torch.randn(40, 3, 6, 5) * torch.rand(40, 1, 1, 1)
    moved[30:] *= torch.rand(10, 3, 6, 5) < 0.2
    found = images + moved + back_l1(images, moved, eps)
    expected = images + moved + L1_projection(images, moved, eps)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert (found - images).flatten(1).abs().sum(1).max() < eps + 1e-4
