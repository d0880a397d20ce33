"""The loss of a denoiser: EDM's and PFGM++'s, which differ in their noise alone.

    w(sigma) |D(y + n, sigma) - y|^2     w = (sigma^2 + s^2) / (sigma s)^2     ln sigma ~ N(m, d^2)

summed over the values of an image y in [-1, 1], with s = .5.  So weighted, a network that has
learnt nothing has a loss of about 1 a value at every level.  What is drawn for an image is a
function of the seed and of its place in the order of reading alone.

Sources: Karras et al. 2022, Eq. 108 and Table 1; Xu et al. 2023 (PFGM++), Sec. 3 and App. C.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from advlib.generators import augmentation
from advlib.generators.noise import Noise, stream
from advlib.generators.preconditioning import DEVIATION
from advlib.jobs.keyed_random import normal, splitmix64, uniform
from advlib.shards.batches import Batch

# streams of a seed, far from those of sampling
LEVEL, NOISE, LENGTH, AUGMENTATION, DROPOUT = ((1 << 19) + i for i in range(5))


@dataclass(frozen=True)
class DenoisingLoss:
    """The loss of a batch.

    noise: the kind.  mean, deviation: m and d.  augment: probability of an augmentation.
    labels: whether the network is told the classes.
    """

    noise: Noise
    mean: float
    deviation: float
    augment: float
    labels: bool
    seed: int

    def __call__(self, network: Callable[..., Tensor], batch: Batch) -> Tensor:
        """The loss of each image, (b,) float32.

        network: as a Denoiser is called.  batch: on its device.
        """
        position = batch.position
        clean = to_signed(batch.image)
        labels = None
        if self.augment:
            draws = augmentation.draw(position, stream(self.seed, AUGMENTATION))
            clean, labels = augmentation.augment(clean, draws, self.augment)
        level = self.levels(position)
        draws_of_noise = normal(position, stream(self.seed, NOISE), clean.shape[1:])
        chance = uniform(position, stream(self.seed, LENGTH), ())
        noise = self.noise.perturb(level, draws_of_noise, chance)
        denoised = network(
            clean + noise,
            level.float(),
            batch.label if self.labels else None,
            labels,
            splitmix64(position, stream(self.seed, DROPOUT)),
        )
        return weighted_error(denoised, clean, level)

    def levels(self, position: Tensor) -> Tensor:
        """The noise levels of images by their positions, (b,) float64."""
        drawn = normal(position, stream(self.seed, LEVEL), ())
        return (self.mean + self.deviation * drawn).exp()


def weighted_error(denoised: Tensor, clean: Tensor, level: Tensor) -> Tensor:
    """The loss of images (b, c, h, w) at levels (b,), summed over their values, (b,) float32."""
    weight = (level**2 + DEVIATION**2) / (level * DEVIATION) ** 2
    return weight.float() * (denoised - clean).square().flatten(1).sum(1)


def to_signed(image: Tensor) -> Tensor:
    """(b, h, w, c) uint8 as (b, c, h, w) float32 in [-1, 1]."""
    planes = image.permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.contiguous_format) / 127.5 - 1
