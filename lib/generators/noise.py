"""The noise that generators begin from and are trained with: EDM's, and PFGM++'s of dimension D.

Noise of level sigma is sigma g for EDM, g standard normal in N dimensions.  For PFGM++ it has the
same direction and another length R,

    R = sigma sqrt(D) sqrt(beta / (1 - beta)),   beta ~ Beta(N / 2, D / 2)

which is sigma |g| / sqrt(chi^2 / D) with chi^2 of D degrees of freedom; D without end is EDM.

Sources: Karras et al. 2022; Xu et al. 2023, PFGM++, Sec. 3 and App. C; the seeds of the public code
of both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from advlib.jobs.keyed_random import normal, splitmix64, uniform

LATENT, LENGTH, LABEL, STEP = 0, 1, 2, 3  # streams of an image's random numbers, of a seed
STREAMS = 1 << 20  # seeds apart by so much: a seed's streams are those of no other
PRIOR = 80.0  # the level of PFGM++'s prior in its public code, whatever the highest level is
SMALL = 1e-8  # which the public code adds in training
EDGE = 1e-3  # between which and 1 - EDGE it keeps beta then


@dataclass(frozen=True)
class Noise:
    """A kind of noise.  dimensions: D of PFGM++; None for EDM."""

    dimensions: int | None = None

    def prior(self, number: Tensor, seed: int, shape: Sequence[int], level: float) -> Tensor:
        """What sampling begins from: noise of a level, (b, c, h, w) float64.

        number: (b,) int64, of the images: a function of it and the seed alone.
        """
        found = normal(number, stream(seed, LATENT), shape)
        if self.dimensions is None:
            return level * found
        chances = uniform(number, stream(seed, LENGTH), (2,)).double()
        chance = (chances[:, 0] + (chances[:, 1] + 2.0**-25) * 2.0**-24).cpu()
        stretch = (self.dimensions / self._chi_squared(chance)).sqrt()
        return level * found * stretch.to(found)[:, None, None, None]

    def perturb(self, level: Tensor, draws: Tensor, chance: Tensor) -> Tensor:
        """Noise of training, (b, c, h, w) float64.

        level: (b,) sigma.  draws: (b, c, h, w), standard normal.  chance: (b,) in (0, 1), uniform,
        which EDM does not use.
        """
        sigma = level.double().reshape(-1, 1, 1, 1)
        if self.dimensions is None:
            return sigma * draws
        square = draws.double().square().flatten(1).sum(1)
        beta = square / (square + self._chi_squared(chance.cpu()).to(square))
        radius = training_radius(level.double(), beta, self.dimensions)
        return draws * (radius / square.sqrt()).reshape(-1, 1, 1, 1)

    def _chi_squared(self, chance: Tensor) -> Tensor:
        """Chi squared of D degrees of freedom by its probability from below, (b,)."""
        from scipy.special import gammaincinv

        assert self.dimensions is not None
        return 2 * torch.as_tensor(gammaincinv(self.dimensions / 2, chance.double().numpy()))


def training_radius(level: Tensor, beta: Tensor, dimensions: int) -> Tensor:
    """Length of noise in training, as the public code of PFGM++ has it, (b,)."""
    beta = beta.clamp(EDGE, 1 - EDGE)
    ratio = beta / (1 - beta + SMALL)
    return level * math.sqrt(dimensions) * (ratio + SMALL).sqrt()


def stream(seed: int, purpose: int) -> int:
    """The seed of a stream of random numbers of images."""
    position = torch.tensor([purpose])
    return int(splitmix64(position, seed * STREAMS % (1 << 63)))


def unit_noise(number: Tensor, seed: int, shape: Sequence[int], step: int) -> Tensor:
    """Standard normal noise that a step of a sampler adds, (b, c, h, w) float64."""
    return normal(number, stream(seed, STEP + step), shape)


def labels(number: Tensor, seed: int, classes: int, *, balanced: bool) -> Tensor:
    """The classes of images, (b,) int64: number mod classes, or drawn for each."""
    if balanced:
        return number % classes
    return (uniform(number, stream(seed, LABEL), ()) * classes).long()


@dataclass(frozen=True)
class OfficialSeeds:
    """Latents and labels as the public code draws them on a CPU: seed n for image n.

    dimensions: as of Noise.
    """

    dimensions: int | None = None

    def draw(
        self, number: Tensor, shape: Sequence[int], classes: int, level: float
    ) -> tuple[Tensor, Tensor | None]:
        """Noise (b, c, h, w) float64, of a level but for PFGM++, and labels (b,), None for none."""
        drawn = [self._one(int(n) % (1 << 32), shape, classes) for n in number]
        noise = torch.stack([one for one, _ in drawn]).double()
        if self.dimensions is None:
            noise = level * noise
        return noise, torch.tensor([label for _, label in drawn]) if classes else None

    def _one(self, seed: int, shape: Sequence[int], classes: int) -> tuple[Tensor, int]:
        own = torch.Generator().manual_seed(seed)
        if self.dimensions is None:
            noise = torch.randn(*shape, generator=own)
            return noise, _label(own, classes)
        n, d = math.prod(shape), self.dimensions
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            halves = torch.tensor([n / 2]), torch.tensor([d / 2])
            beta = torch.distributions.Beta(*halves).sample().double()
            radius = (beta / (1 - beta)).sqrt() * PRIOR * math.sqrt(d)
            draws = torch.randn(n)
        return (draws / draws.norm() * radius).view(*shape), _label(own, classes)


def _label(generator: torch.Generator, classes: int) -> int:
    return int(torch.randint(classes, (), generator=generator)) if classes else 0
