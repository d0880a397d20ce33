"""Discriminators as what the training loop trains: real images against generated ones, with noise.

    -ln d(m x + s n, tau)  of a real image,   -ln(1 - d)  of a generated one

n is standard normal, m and s the scale and the noise of the variance-preserving process at the time
tau.  ln(s / m), the logarithm of the level, is uniform over all times from EARLIEST to 1, by which
the density of tau is as beta / s^2; there is no further weight.  Where the loss is least, the ratio
d / (1 - d) is that of the densities of noisy real and generated images.  What is drawn for an image
is a function of the seed and of its place in the order of reading alone.

Source: Kim et al. 2023, "Refining Generative Process with Discriminator Guidance", Eq. 5, App. E.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from advlib.generators.adm_encoder import ADMEncoder
from advlib.generators.discriminator import (
    describe_head,
    head_name,
    parse_head,
    save_discriminator,
)
from advlib.generators.extractor import Extractor
from advlib.generators.guidance import vp_level, vp_scale, vp_time
from advlib.generators.loss import to_signed
from advlib.generators.noise import stream
from advlib.generators.recipe import GeneratorRecipe
from advlib.jobs.keyed_random import normal, uniform
from advlib.jobs.precision import autocast
from advlib.shards.batches import Batch

EARLIEST = 1e-5  # time in training, of the public code
TIME, NOISE = ((1 << 19) + (1 << 10) + i for i in range(2))  # streams; those of loss are before


class Discrimination:
    """A discriminator's head with fresh weights, as an Objective of the training loop."""

    kind = "discriminator"

    def __init__(
        self,
        name: str,
        extractor: Extractor,
        digest: str,
        classes: int,
        recipe: GeneratorRecipe,
        is_real: Callable[[Tensor], Tensor],
    ):
        """Build it, from torch's generator.

        name: of the head; see discriminator.parse_head.  digest: SHA-256 of the extractor's file.
        classes: of the images.  is_real: whether images are, by their positions.
        Raises DataError for a name and maps that do not go together.
        """
        self.extractor, self.digest, self.is_real = extractor, digest, is_real
        told = classes if recipe.conditional else 0
        self.network = ADMEncoder(parse_head(name, extractor.maps(), told))
        self.step_flops = _training_flops(extractor, self.network)
        self.seed, self.precision = recipe.seed, recipe.precision

    def loss(self, network: Callable[..., Tensor], batch: Batch) -> Tensor:
        """The loss of each image, (b,) float32."""
        images, tau = self.noisy(batch)
        with torch.no_grad(), autocast(self.precision, images.device.type):
            maps = self.extractor.to(images.device)(images, tau)
        found = network(maps.float(), tau, batch.label if self.network.spec.classes else None)
        real = self.is_real(batch.position).float()
        return binary_cross_entropy_with_logits(found[:, 0].float(), real, reduction="none")

    def noisy(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Images with noise, (b, c, h, w) float32, and their times, (b,) float32."""
        clean = to_signed(batch.image)
        tau = times(uniform(batch.position, stream(self.seed, TIME), ()))
        level = vp_level(tau).reshape(-1, 1, 1, 1)
        noise = normal(batch.position, stream(self.seed, NOISE), clean.shape[1:])
        return (vp_scale(level) * (clean + level * noise)).float(), tau.float()

    def values(self) -> int:
        """The loss of an image is one number."""
        return 1

    def describe(self) -> dict[str, Any]:
        """What is trained, as JSON."""
        return {
            "name": head_name(self.network.spec),
            "head": describe_head(self.network.spec),
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "extractor": {"kind": self.extractor.kind, "sha256": self.digest},
        }

    def save(self, path: str, network: nn.Module, about: dict[str, Any]) -> None:
        """Write a discriminator with the weights of a network."""
        assert isinstance(network, ADMEncoder)
        save_discriminator(path, network, about | self.describe())

    def samples(self, network: nn.Module, sign: Callable[[], None]) -> None:
        """There is nothing to be seen."""


def times(chance: Tensor) -> Tensor:
    """Times by numbers (b,) in [0, 1), float64: the logarithm of the level is uniform."""
    ends = torch.tensor([EARLIEST, 1.0], dtype=torch.float64, device=chance.device)
    low, high = vp_level(ends).log()
    return vp_time((low + (high - low) * chance.double()).exp())


def _training_flops(extractor: Extractor, head: ADMEncoder) -> int:
    """FLOPs of training on an image, counted as advlib.generators.flops does, but computed."""
    label = torch.zeros(1, dtype=torch.int64) if head.spec.classes else None
    tau = torch.ones(1)
    with FlopCounterMode(display=False) as counter:
        maps = extractor(torch.zeros(1, *extractor.shape), tau)
        head(maps, tau, label).sum().backward()
    head.zero_grad(set_to_none=True)
    return counter.get_total_flops()
