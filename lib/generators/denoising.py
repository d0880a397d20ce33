"""Denoisers as what the training loop trains: their loss, their checkpoints, their samples."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from advlib.generators import checkpoints
from advlib.generators.flops import training_flops
from advlib.generators.loss import DenoisingLoss
from advlib.generators.noise import Noise, labels
from advlib.generators.preconditioning import Denoiser
from advlib.generators.recipe import GeneratorRecipe
from advlib.generators.solvers import Field
from advlib.generators.solvers.ipndm import IPNDM
from advlib.generators.spec import AUGMENTATIONS, parse
from advlib.generators.time_schedules import HIGHEST, levels
from advlib.generators.training import Samples
from advlib.shards.batches import Batch

SHEET, STEPS = 40, 10  # images; of iPNDM: at 19 evaluations Heun makes no better ones


class Denoising:
    """A generator with fresh weights, as an Objective of the training loop."""

    kind = "generator"

    def __init__(
        self, name: str, shape: tuple[int, int, int], classes: int, recipe: GeneratorRecipe
    ):
        """Build it, from torch's generator.

        name: of the network; see spec.parse.  shape: (channels, height, width).
        Raises DataError for a name and images that do not go together.
        """
        told = classes if recipe.conditional else 0
        spec = parse(name, shape, told, AUGMENTATIONS if recipe.augment else 0)
        spec = dataclasses.replace(spec, dropout=recipe.dropout)
        self.noise = Noise(recipe.dimensions if recipe.kind == "pfgmpp" else None)
        self.network = Denoiser(spec, recipe.kind)
        self.step_flops = training_flops(spec, recipe.kind)
        self.seed = recipe.seed
        self._loss = DenoisingLoss(
            self.noise,
            recipe.noise_mean,
            recipe.noise_deviation,
            recipe.augment,
            bool(told),
            recipe.seed,
        )

    def loss(self, network: Callable[..., Tensor], batch: Batch) -> Tensor:
        """The loss of each image, (b,) float32, summed over its values."""
        return self._loss(network, batch)

    def values(self) -> int:
        """Of an image: the log has the loss of one."""
        return math.prod(self.network.spec.shape)

    def describe(self) -> dict[str, Any]:
        """What is trained, as JSON."""
        return checkpoints.describe(self.network, self.noise)

    def save(self, path: str, network: nn.Module, about: dict[str, Any]) -> None:
        """Write a generator with the weights of a network."""
        assert isinstance(network, Denoiser)
        checkpoints.save(path, network, self.noise, about)

    @torch.no_grad()
    def samples(self, network: nn.Module, sign: Callable[[], None]) -> Samples:
        """The first images of the run's seed, of all classes by turns."""
        spec = self.network.spec
        number = torch.arange(SHEET, device=next(network.parameters()).device)
        label = labels(number, self.seed, spec.classes, balanced=True) if spec.classes else None

        def denoise(x: Tensor, level: float | Tensor) -> Tensor:
            sign()
            return network(x, level, label).double()

        solver = IPNDM()
        steps = levels("karras", solver.points(STEPS)).tolist()
        start = self.noise.prior(number, self.seed, spec.shape, HIGHEST)
        end = solver.end(Field(denoise), start, steps)
        pixels = (end.nan_to_num(0.0) * 127.5 + 128).clamp(0, 255).to(torch.uint8)
        image = pixels.permute(0, 2, 3, 1).cpu().numpy()
        return Samples(image, None if label is None else label.cpu().numpy())
