"""Discriminator guidance: slopes corrected by the gradient of a discriminator's log ratio.

    L(x, tau) = ln(d / (1 - d)),   d the probability that the noisy image m x is of real data
    dx/dsigma = (x - D(x, sigma)) / sigma - weight sigma m (grad L)(m x)

tau and m are the time and the scale of the variance-preserving process at the level sigma.

Source: Kim et al. 2023, "Refining Generative Process with Discriminator Guidance", Eq. 7, App. E.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from advlib.generators.solvers.heun import LARGEST_GAMMA

BETA_MIN, BETA_MAX = 0.1, 20.0  # of the process that the discriminator knows
CERTAIN = 1e-5  # probabilities are kept so far from 0 and 1
UNSEEN = 1e7  # stands for L at levels outside the range
CHURN, CHURN_EVERY, DOUBLE_EVERY = 4.0, 5, 2  # of boosting; App. E

# noisy images m x (b, c, h, w) and times tau (b,): probabilities (b,) in (0, 1)
Discriminator = Callable[[Tensor, Tensor], Tensor]


def vp_time(level: Tensor) -> Tensor:
    """Tau of levels: ln(1 + sigma^2) = (BETA_MAX - BETA_MIN) tau^2 / 2 + BETA_MIN tau."""
    slope = BETA_MAX - BETA_MIN
    return ((BETA_MIN**2 + 2 * slope * torch.log1p(level**2)).sqrt() - BETA_MIN) / slope


def vp_level(tau: Tensor) -> Tensor:
    """Levels of times tau, as `vp_time` has them."""
    return torch.expm1(((BETA_MAX - BETA_MIN) / 2 * tau + BETA_MIN) * tau).sqrt()


def vp_scale(level: Tensor) -> Tensor:
    """M of levels: by how much a noisy image is larger than the process has it."""
    return 1 / (1 + level**2).sqrt()


@dataclass
class Guidance:
    """Adds the discriminator's term to slopes; one for each batch of images that is sampled.

    weight: of the term.  low, high: times tau between which it is added.
    boosting: double the term at every second step where L < 0, and churn where L < 0 a step before.
    """

    discriminator: Discriminator
    weight: float = 1.0
    low: float = 0.01
    high: float = 1.0
    boosting: bool = False
    scale: float = 1.0  # of the noise that boosting adds
    ratio: Tensor | None = field(default=None, init=False)  # L of each image, of the last step
    _step: int = field(default=0, init=False)

    def __call__(self, x: Tensor, level: float | Tensor) -> Tensor:
        """The term at x (b, c, h, w) and its level, a number or (b,); to be called once a step."""
        levels = torch.as_tensor(level, dtype=x.dtype, device=x.device).expand(len(x))
        tau = vp_time(levels)
        inside = (self.low <= tau) & (tau <= self.high)
        term, self.ratio = torch.zeros_like(x), torch.full_like(tau, UNSEEN)
        if inside.any():
            scale = vp_scale(levels)
            ratio, gradient = self._ratio_and_gradient(scale.reshape(-1, 1, 1, 1) * x, tau)
            factor = -self.weight * levels * scale
            if self.boosting and self._step % DOUBLE_EVERY == 0:
                factor = torch.where(ratio < 0, 2 * factor, factor)
            factor = torch.where(inside, factor, 0.0)
            term = factor.reshape(-1, 1, 1, 1) * gradient
            self.ratio = torch.where(inside, ratio, self.ratio)
        self._step += 1
        return term

    def gamma(self, step: int, level: float, steps: int) -> Tensor | float:
        """As Churn's: what boosting adds before a step, (b,)."""
        if not self.boosting or step == 0 or step % CHURN_EVERY or self.ratio is None:
            return 0.0
        return torch.where(self.ratio < 0, min(CHURN / steps, LARGEST_GAMMA), 0.0)

    def _ratio_and_gradient(self, images: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """L (b,) and its gradient by the images, in the images' precision."""
        with torch.enable_grad():
            images = images.detach().requires_grad_(True)
            found = self.discriminator(images, tau).clamp(CERTAIN, 1 - CERTAIN)
            ratio = (found / (1 - found)).log()
            (gradient,) = torch.autograd.grad(ratio.sum(), images)
        return ratio.detach().to(images.dtype), gradient.detach()
