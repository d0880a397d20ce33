"""Approach 2 with interaction: terms that hide each other, so that exponents depend on N and D.

    L(N, D, F) = [(A N^-alpha)^(1/gamma) + (B(F) D^-beta)^(1/gamma) + E(F)^(1/gamma)]^gamma
    log B(F) = log B + zeta log(1 + F)      log E(F) = log E + eps log(1 + F)

With gamma = 1 it is Approach 2; towards 0 the loss is its largest term alone, the bottleneck.
-d log L / d log D is beta times the share of the data term in the sum, which depends on N, and so
for N.  The floor, with infinite N and D, is E(F).  Symbols and units are those of Approach 2.

Source: the joint law of Droppo and Elibol 2021 (Scaling Laws for Acoustic Models, Interspeech),
with the quality terms of Bartoldson et al. 2024, Eq. 3.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from advlib.laws import approach2, scalars
from advlib.laws.form import Form, Parameter, Variant
from advlib.laws.logarithms import log1m_exp
from advlib.laws.surface import TINY, Optimum, Surface


@dataclass(frozen=True)
class Interacting:
    """A power of a separable surface: its terms are those of L to the power 1/gamma.

    The power is monotone, so what is best for the one is best for the other: all questions are the
    surface's, asked with the loss to the power 1/gamma.
    """

    surface: Surface  # with E = 0: the floor is apart, since its power may be no float
    gamma: Any
    log_E: Any

    @property
    def k(self) -> float:
        return self.surface.k

    @property
    def xp(self) -> Any:
        return self.surface.xp

    @property
    def holds(self) -> bool:
        """Whether the floor is not negative, as a power never is."""
        return True

    @property
    def saturates(self) -> bool:
        """Whether imperfect data caps what samples can do: here it only makes them dearer."""
        return False

    @property
    def floor(self) -> Any:
        """The loss that no model and no number of samples goes below."""
        return self.xp.exp(self.log_E)

    def loss(self, params: Any, samples: Any) -> Any:
        """Loss in nats at `params` > 0 and `samples` > 0."""
        return self._over_floor(self.surface.log_excess(params, samples))

    def optimum(self, flops: Any) -> Optimum:
        """The N and D of least loss with k N D = `flops`, in closed form."""
        best = self.surface.optimum(flops)
        return replace(best, loss=self._over_floor(self.surface.log_optimal_excess(flops)))

    def data_multiple(self, flops: Any) -> Callable[[Any], Any]:
        """w_D(w_N) at a budget: samples, over D*, with which w_N times N* parameters reach its
        optimal loss; inf where no number does.
        """
        return self.surface.data_multiple(flops)

    def least_size(self, flops: Any) -> Any:
        """The least w_N with which any number of samples reaches the optimal loss of a budget."""
        return self.surface.least_size(flops)

    def flops_for(self, loss: Any) -> Any:
        """The least training FLOPs that reach `loss`, 1 or more; inf at or below the floor."""
        xp = self.xp
        log_loss = xp.log(xp.maximum(loss, TINY))
        above = log1m_exp(xp.minimum(self.log_E - log_loss, 0.0) / self.gamma, xp)
        found = self.surface.flops_for_excess(log_loss / self.gamma + above)
        return xp.where(loss > self.floor, found, math.inf)

    def flops_matching(self, params: Any, samples: Any) -> Any:
        """The least training FLOPs that reach the loss of a run of any size, 1 or more."""
        return self.surface.flops_matching(params, samples)

    def _over_floor(self, log_excess: Any) -> Any:
        """The loss whose power is so much over that of the floor."""
        return self.xp.exp(self.gamma * self.xp.logaddexp(log_excess, self.log_E / self.gamma))


def law(parameters: Mapping[str, Any], fid: Any, k: float, xp: Any = scalars) -> Interacting:
    """The law at `fid` >= 0 for parameters given at FID 0."""
    step, gamma = xp.log1p(fid), parameters["gamma"]
    log_B = xp.log(parameters["B"]) + parameters["zeta"] * step
    log_E = xp.log(parameters["E"]) + parameters["eps"] * step
    surface = Surface(
        log_A=xp.log(parameters["A"]) / gamma,
        alpha=parameters["alpha"] / gamma,
        log_B=log_B / parameters["beta"],
        beta=parameters["beta"] / gamma,
        log_c=-math.inf,
        E=0.0,
        k=k,
        xp=xp,
    )
    return Interacting(surface, gamma, log_E)


FORM = Form(
    approach=2,
    title="interacting",
    module="interaction",
    parameters=(
        *(replace(parameter, quality=False) for parameter in approach2.FORM.parameters),
        Parameter("gamma", "1"),
    ),
    variants=(
        Variant(
            "interaction",
            "Approach 2 with one more parameter, by which the exponents of N and D depend on each "
            "other; all rows at once.",
            several_fids=True,
        ),
    ),
    law=law,
    at_zero=approach2.at_zero,
)
