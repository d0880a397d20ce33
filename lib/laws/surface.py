"""The loss surface of a parametric law at one data quality, and what follows in closed form.

    L(N, D) = A N^-alpha + (B/D + c)^beta + E

    L   adversarial test loss   nats per image, > 0
    N   trainable parameters    a count, not millions
    D   samples seen            a count, repeats included
    c   saturation of the data term by imperfect data, >= 0; 0 in Approach 2 and for perfect data

Approach 2 (Eq. 3) is the case c = 0 with its B' equal to B^beta here; Approach 3 (Eq. 5) has
c = (Q FID)^(kappa/beta).  Amplitudes are kept as logarithms: A, B and N differ by decades.

Source: Bartoldson et al. 2024, Eqs. 3 to 6.
"""

import math
from dataclasses import dataclass

from advlib.errors import DataError


@dataclass(frozen=True)
class Optimum:
    """The best use of a training budget: `flops` spent on `params` and `samples` gives `loss`."""

    flops: float
    params: float
    samples: float
    loss: float
    a: float  # d log N* / d log FLOPs at this budget
    b: float  # d log D* / d log FLOPs at this budget


@dataclass(frozen=True)
class Surface:
    """L(N, D) at one quality; see the module's text for symbols and units.

    `k` is FLOPs per parameter and sample: FLOPs = k N D.  Fields may be NumPy arrays (one entry a
    bootstrap draw) for `loss` with xp=numpy; everything else takes scalars.
    """

    log_A: float
    alpha: float
    log_B: float
    beta: float
    log_c: float  # -inf where the data term does not saturate
    E: float
    k: float

    def model_term(self, params, xp=math):
        """A N^-alpha, in nats: what a larger model would remove."""
        return xp.exp(self.log_A - self.alpha * xp.log(params))

    def data_term(self, samples, xp=math):
        """(B/D + c)^beta, in nats: what more samples would remove, down to c^beta."""
        u = self.log_B - xp.log(samples)
        if xp is math:
            return math.exp(self.beta * _log_add(u, self.log_c))
        return xp.exp(self.beta * xp.logaddexp(u, self.log_c))

    def loss(self, params, samples, xp=math):
        """Loss in nats at `params` > 0 and `samples` > 0; arrays with xp=numpy."""
        return self.model_term(params, xp) + self.data_term(samples, xp) + self.E

    @property
    def saturation(self) -> float:
        """c^beta, in nats: the share of the floor that only better data removes."""
        return math.exp(self.beta * self.log_c) if self.log_c > -math.inf else 0.0

    @property
    def floor(self) -> float:
        """The loss that no model and no number of samples goes below: c^beta + E."""
        return self.saturation + self.E

    def optimum(self, flops: float) -> Optimum:
        """The N and D of least loss with k N D = `flops` (Eq. 4; its root for c > 0).

        With u = B/D, setting d loss / d log N to zero on the budget line gives
            log beta + (beta - 1) log(u + c) + log u = log alpha + log A - alpha log N,
        whose two sides differ by a function of log N with slope between alpha + min(1, beta) and
        alpha + max(1, beta): Newton's method from any start converges.

        Raises DataError unless alpha and beta are above 0: with either at 0 the loss has no
        minimum on the budget line.
        """
        if not (self.alpha > 0 and self.beta > 0):
            raise DataError(
                f"alpha = {self.alpha:g} and beta = {self.beta:g}: an optimum needs both above 0"
            )
        log_nd = math.log(flops / self.k)
        goal = math.log(self.alpha) + self.log_A - math.log(self.beta)
        if self.log_c == -math.inf:
            x = (goal + self.beta * (log_nd - self.log_B)) / (self.alpha + self.beta)
            slope = self.beta
        else:
            x, slope = self._root(log_nd, goal)
        params, samples = _exp(x), _exp(log_nd - x)
        total = slope + self.alpha
        return Optimum(
            flops, params, samples, self._loss_at(x, log_nd - x), slope / total, self.alpha / total
        )

    def _root(self, log_nd, goal):
        """Log N* on the budget line, and d(data side)/d log u there, for c > 0."""
        x = log_nd / 2
        for _ in range(100):
            u = self.log_B + x - log_nd
            total = _log_add(u, self.log_c)
            slope = 1 + (self.beta - 1) * math.exp(u - total)
            value = (self.beta - 1) * total + u - goal + self.alpha * x
            step = value / (slope + self.alpha)
            x -= step
            if abs(step) <= 1e-14 * max(1.0, abs(x)):
                break
        u = self.log_B + x - log_nd
        return x, 1 + (self.beta - 1) * math.exp(u - _log_add(u, self.log_c))

    def _loss_at(self, log_params, log_samples):
        model = math.exp(self.log_A - self.alpha * log_params)
        data = math.exp(self.beta * _log_add(self.log_B - log_samples, self.log_c))
        return model + data + self.E

    def samples_for(self, loss: float, params: float) -> float:
        """The samples that bring a model of `params` to `loss`; inf where no number does.

        (B/D + c)^beta = loss - E - A N^-alpha, solved for D.  Source: Eq. 6, generalised.
        """
        rest = loss - self.E - self.model_term(params)
        if rest <= self.saturation or rest <= 0:
            return math.inf
        log_total = math.log(rest) / self.beta
        gap = log_total - self.log_c
        # log(exp(log_total) - c), written so that nearly equal terms do not cancel to nothing
        log_u = log_total if self.log_c == -math.inf else log_total + math.log(-math.expm1(-gap))
        return _exp(self.log_B - log_u)

    def flops_for(self, loss: float) -> float:
        """The least training FLOPs that reach `loss`; inf at or below the floor.

        The optimal loss falls monotonically with the budget, so its logarithm is bisected.
        """
        if loss <= self.floor:
            return math.inf
        low, high = 0.0, 700.0
        if self.optimum(math.exp(high)).loss > loss:
            return math.inf
        if self.optimum(math.exp(low)).loss <= loss:
            return math.exp(low)
        while high - low > 1e-13 * high:
            middle = (low + high) / 2
            if self.optimum(math.exp(middle)).loss > loss:
                low = middle
            else:
                high = middle
        return math.exp(high)


def _log_add(x: float, y: float) -> float:
    """log(e^x + e^y) without overflow; either may be -inf."""
    if x < y:
        x, y = y, x
    return x if y == -math.inf else x + math.log1p(math.exp(y - x))


def _exp(x: float) -> float:
    """e^x, inf past the largest float."""
    return math.exp(x) if x < 709.78 else math.inf
