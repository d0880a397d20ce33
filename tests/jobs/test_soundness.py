"""Numbers that are not finite are seen wherever they are."""

import pytest
import torch

from advlib.jobs.soundness import finite, state_of


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_not_finite_is_seen(bad):
    values = [torch.zeros(3, 2), torch.zeros(0), torch.ones(4, dtype=torch.int64)]
    assert finite(values)
    values[0][1, 1] = bad
    assert not finite(values)


def test_the_state_of_an_optimiser_is_all_of_its_tensors():
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimiser.step()
    assert sorted(tuple(t.shape) for t in state_of(optimiser)) == [(), (3,), (3,)]
