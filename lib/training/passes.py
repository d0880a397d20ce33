"""The passes of a step: through the network as it is, compiled, or replayed from CUDA graphs."""

import contextlib
from collections.abc import Iterator
from typing import cast

import torch
from torch import nn

from advlib.jobs.compiling import few_graphs
from advlib.jobs.cuda_graphs import Network, Replayed
from advlib.jobs.precision import autocast
from advlib.jobs.ranks import Ranks
from advlib.training.recipe import Recipe


class Passes:
    """What the attack and the loss of a step call; afterwards the network itself is as it was."""

    def __init__(self, model: nn.Module, recipe: Recipe, ranks: Ranks):
        self._recipe, self._device = recipe, ranks.device.type
        network = cast(nn.Module, torch.compile(model)) if recipe.compile else model
        self._shared = ranks.average_gradients(network)
        # batch statistics join the images of a batch
        self._attacked = network if recipe.compile else Replayed(network, separate=False)

    @contextlib.contextmanager
    def of_step(self, step: int) -> Iterator[tuple[nn.Module, Network]]:
        """What step `step`, from 0, calls, where it is computed in the recipe's precision.

        First for the loss: gradients by its weights are averaged over the ranks.  Second for the
        attack, which takes gradients by images alone.
        Raises CannotError where PyTorch would give up compiling without a word.
        """
        with autocast(self._recipe.precision, self._device):
            if self._recipe.compile:
                # the first step has another momentum of batch norm, for which all would be compiled
                # once more
                with few_graphs(eager=step == 0):
                    yield self._shared, self._attacked
            else:
                yield self._shared, self._attacked
