"""Images from a generator: each a function of the checkpoint, the settings, the seed, its number.

The state is float64, the network float32 unless another precision is asked for.  Batches change an
image by no more than the rounding of the network's sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from advlib.errors import CannotError
from advlib.generators import noise as noises
from advlib.generators.checkpoints import Generator
from advlib.generators.guidance import Discriminator, Guidance
from advlib.generators.settings import STEPS, SamplingSettings
from advlib.generators.solvers import SOLVERS, Field, Solver
from advlib.generators.solvers.consistency import Consistency
from advlib.generators.solvers.heun import Churn, Heun
from advlib.generators.time_schedules import levels
from advlib.jobs.precision import computing
from advlib.models.network import laid_out
from advlib.settings import document

# the probability that noisy images are of real data, for images of some classes (b,)
Discriminate = Callable[[Tensor | None], Discriminator]


def make_solver(settings: SamplingSettings) -> Solver:
    """The solver that settings name.  Raises DataError for an order that it cannot have."""
    kind = SOLVERS[settings.solver]
    if settings.order is not None:
        return kind(order=settings.order)  # type: ignore[call-arg]  # only where it has one
    if kind is Heun:
        most = float("inf") if settings.churn_max is None else settings.churn_max
        churn = Churn(settings.churn, settings.churn_min, most, settings.churn_noise)
        return Heun(churn=churn)
    return kind()


def level_points(settings: SamplingSettings, solver: Solver) -> int:
    """How many noise levels above zero the steps of a solver have."""
    return solver.points(settings.steps or STEPS)


def usual_levels(settings: SamplingSettings, solver: Solver) -> list[float]:
    """The levels of a schedule that is a formula, or of the jumps; falling, without a last zero."""
    if settings.solver == Consistency.name:
        return list(settings.levels)
    schedule = settings.schedule or solver.schedule
    rho = settings.rho
    if rho is None and settings.schedule is None:
        rho = solver.rho
    points = level_points(settings, solver)
    return levels(schedule, points, settings.sigma_min, settings.sigma_max, rho).tolist()


@dataclass
class Sampler:
    """Samples a generator.

    levels: sigma, falling, above zero.  label: of images, "balanced", number mod classes, or
    "random".  official: noise and classes as the public code draws them, seed + number for each.
    discriminate: of a discriminator that guides.  check: called before every evaluation of the
    network with the number of images, and may raise.
    """

    generator: Generator
    settings: SamplingSettings
    levels: Sequence[float]
    seed: int = 0
    label: str = "balanced"
    official: bool = False
    precision: str = "fp32"
    discriminate: Discriminate | None = None
    check: Callable[[int], None] = lambda images: None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    solver: Solver = field(init=False)

    def __post_init__(self) -> None:
        self.solver = make_solver(self.settings)
        self._ways = [*self.levels, *([0.0] if self.solver.ends_at_zero else [])]
        self.network: Callable[..., Tensor] = self.generator.denoiser.to(self.device)
        if self.device.type == "cuda":
            laid_out(self.generator.denoiser, torch.channels_last)

    def compile(self) -> None:
        """Let torch.compile make the network faster; batches should then be of one size."""
        self.network = torch.compile(self.network)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image, (height, width, channels)."""
        channels, height, width = self.generator.spec.shape
        return height, width, channels

    @property
    def evaluations(self) -> int:
        """Evaluations of the network for an image."""
        one = torch.zeros(1, dtype=torch.int64)
        found = self._with_noise(one, None).evaluations(self._ways)
        last = self.settings.denoise_last
        return found - self.settings.analytic_first_step + last

    def labels(self, number: np.ndarray) -> np.ndarray:
        """The classes of images by their numbers, (n,) int64; 0 of a network without classes."""
        wanted = torch.from_numpy(np.ascontiguousarray(number, dtype=np.int64))
        classes = self.generator.spec.classes
        if not classes:
            return np.zeros(len(number), np.int64)
        if self.official:
            _, label = self._begin(wanted)
            assert label is not None
            return label.cpu().numpy()
        balanced = self.label == "balanced"
        return noises.labels(wanted, self.seed, classes, balanced=balanced).numpy()

    def images(self, number: np.ndarray) -> np.ndarray:
        """Images by their numbers, (n,) int64: (n, height, width, channels) uint8.

        Raises CannotError, naming image and step, where the state is no number; what `check`
        raises.
        """
        wanted = torch.from_numpy(np.ascontiguousarray(number, dtype=np.int64)).to(self.device)
        with torch.no_grad(), computing(self.precision, self.device.type):
            return eight_bits(self.end(wanted))

    def end(self, number: Tensor) -> Tensor:
        """Images (n, channels, height, width), float64 and about [-1, 1]; as `images`."""
        x, label = self._begin(number)

        def denoise(x: Tensor, level: float | Tensor) -> Tensor:
            self.check(len(x))
            return self.network(x, level, label).double()

        guide = self._guide(label)
        solver = self._with_noise(number, guide)
        analytic = self.settings.analytic_first_step
        along = Field(denoise, guide, analytic=analytic)
        for step, state in enumerate(solver.states(along, x, self._ways), 1):
            x = state
            self._require_finite(x, number, step)
        if self.settings.denoise_last:
            x = along.denoised(x, self._ways[-1])
            self._require_finite(x, number, len(self._ways))
        return x

    def probe(self, batch: int) -> None:
        """Evaluate the network, and what guides, once on a batch, to see whether it fits."""
        number = torch.arange(batch, device=self.device)
        with torch.no_grad(), computing(self.precision, self.device.type):
            x, label = self._begin(number)
            self.network(x, self.levels[0], label)
            if guide := self._guide(label):
                guide(x, self.levels[-1])

    def _begin(self, number: Tensor) -> tuple[Tensor, Tensor | None]:
        """Noise (n, c, h, w) of the highest level, and classes."""
        spec, kind = self.generator.spec, self.generator.noise
        if self.official:
            seeds = noises.OfficialSeeds(kind.dimensions)
            x, label = seeds.draw(number + self.seed, spec.shape, spec.classes, self.levels[0])
            return x.to(number.device), None if label is None else label.to(number.device)
        x = kind.prior(number, self.seed, spec.shape, self.levels[0])
        if not spec.classes:
            return x, None
        balanced = self.label == "balanced"
        return x, noises.labels(number, self.seed, spec.classes, balanced=balanced)

    def _guide(self, label: Tensor | None) -> Guidance | None:
        if self.discriminate is None:
            return None
        settings = self.settings
        return Guidance(
            self.discriminate(label),
            weight=settings.guidance,
            low=settings.guidance_min,
            high=settings.guidance_max,
            boosting=settings.boosting,
            scale=settings.churn_noise,
        )

    def _with_noise(self, number: Tensor, guide: Guidance | None) -> Solver:
        """The solver with the noise that it adds to these images, and by whom it is told to."""

        def drawn(step: int) -> Tensor:
            return noises.unit_noise(number, self.seed, self.generator.spec.shape, step)

        if isinstance(self.solver, Heun):
            boosting = guide is not None and guide.boosting
            churn = guide if boosting else self.solver.churn
            return replace(self.solver, noise=drawn, churn=cast("Churn", churn))
        if isinstance(self.solver, Consistency):
            return replace(self.solver, noise=drawn)
        return self.solver

    def _require_finite(self, x: Tensor, number: Tensor, step: int) -> None:
        good = x.flatten(1).isfinite().all(1)
        if not good.all():
            image = int(number[int(good.int().argmin())])
            raise CannotError(
                f"image {image}: its state is no number after step {step} of"
                f" {len(self._ways) - 1 or 1}; the weights, or the precision, are not sound"
            )

    def document(self) -> dict[str, Any]:
        """How images are made, as JSON, beside the checkpoint and the seed."""
        settings = {
            name: value
            for name, value in document(self.settings).items()
            if name not in ("discriminator", "extractor") and value not in (None, (), False)
        }
        return {
            **settings,
            "levels": [*map(float, self.levels)],
            "evaluations": self.evaluations,
            "labels": "official" if self.official else self.label,
            "precision": self.precision,
        }


def eight_bits(images: Tensor) -> np.ndarray:
    """Images about [-1, 1], (n, c, h, w), as (n, h, w, c) uint8, cut off as the public code does.

    Source: generate.py of NVlabs/edm.
    """
    scaled = (images * 127.5 + 128).clip(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()
