"""Jumps straight to an image, for networks distilled or tuned to need one or two (SiD, ECT).

    x_1 = D(sigma_1 z_1, sigma_1),   x_k = D(x_(k-1) + sigma_k z_k, sigma_k)

Sources: Song et al. 2023, "Consistency Models", Alg. 1; Zhou et al. 2024 (SiD), one jump; Geng et
al. 2024 (ECT).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from advlib.generators.solvers.solver import Field, Solver


@dataclass(frozen=True)
class Consistency(Solver):
    """A jump from each level; the last state is the image.

    noise: gives the unit noise (b, c, h, w) of a jump by its number, from the second on.
    """

    name: ClassVar[str] = "consistency"
    noise: Callable[[int], Tensor] | None = None

    def states(self, field: Field, x: Tensor, levels: Sequence[float]) -> Iterator[Tensor]:
        """As Solver says, but for what levels are: one for each jump."""
        for i, level in enumerate(levels):
            if i:
                if self.noise is None:
                    raise ValueError("jumps after the first need noise")
                x = x + level * self.noise(i)
            x = field.denoised(x, level)
            yield x
