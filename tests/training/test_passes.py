"""Compiled passes: few graphs, and a word where PyTorch would give up without one."""

import pytest
import torch
from small_networks import ALONE, close, network, tensors

from advlib.errors import CannotError
from advlib.training.batchnorm import batch_norms
from advlib.training.passes import Passes
from advlib.training.recipe import Recipe
from advlib.training.schedule import norm_momentum
from advlib.training.step import outcome

ABOUT = {"samples": 1000, "batch": 12, "attack_steps": 2, "eps": 0.1, "step_size": 0.05}


@pytest.fixture
def graphs(monkeypatch):
    """Compile without generating code, which takes long; counts graphs."""
    from torch._dynamo import reset
    from torch._dynamo.testing import CompileCounter

    counter, compiled = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compiled(model, backend=counter))
    reset()
    yield counter
    reset()


def losses(compiles: bool, steps: int = 4) -> list:
    """Losses of some steps with the schedule of batch norm, without descending."""
    made = network().train()
    recipe = Recipe(**ABOUT, compile=compiles)
    passes, found = Passes(made, recipe, ALONE), []
    for step in range(steps):
        for layer in batch_norms(made):
            layer.momentum = norm_momentum(step)
        with passes.of_step(step) as (shared, attacked):
            found.append(outcome(shared, attacked, *tensors(), recipe, 12).loss)
        found[-1].backward()
    return [*found, *made.buffers()]


def test_a_run_compiles_the_attack_and_the_loss_and_nothing_more(graphs):
    close(losses(True), losses(False))
    assert graphs.frame_count == 2


def test_a_network_that_is_compiled_without_end_is_said(graphs):
    from torch._dynamo import config

    with (
        config.patch(recompile_limit=1),
        pytest.raises(CannotError, match=r"^--compile: the network was compiled 1 times"),
    ):
        losses(True)
