"""The loss surface of a parametric law at one data quality, and what follows from it.

    L(N, D) = A N^-alpha + (B/D + c)^beta + E

    L   adversarial test loss   nats per image, > 0
    N   trainable parameters    a count, not millions
    D   samples seen            a count, repeats included
    c   saturation of the data term by imperfect data, >= 0; 0 in Approach 2 and for perfect data

Approach 2 (Eq. 3) is the case c = 0 with its B' equal to B^beta here; Approach 3 (Eq. 5) has
c = (Q FID)^(kappa/beta).  Amplitudes are kept as logarithms: A, B and N differ by decades.

On the compute-optimal path everything is explicit in u = B/D: setting d loss / d log N to zero on
the budget line gives  alpha A N^-alpha = beta u (u + c)^(beta - 1).

Source: Bartoldson et al. 2024, Eqs. 3 to 6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from advlib.errors import DataError
from advlib.laws import scalars
from advlib.laws.logarithms import log1m_exp, log_expm1, log_log1p_exp
from advlib.laws.roots import newton

LARGEST_BUDGET = 700.0  # logarithm of FLOPs that are still a number and not "never"
TINY = 1e-300  # nats over the floor: less is none


@dataclass(frozen=True)
class Optimum:
    """The best use of a training budget: `flops` spent on `params` and `samples` gives `loss`."""

    flops: Any
    params: Any
    samples: Any
    loss: Any
    a: Any  # d log N* / d log FLOPs at this budget
    b: Any  # d log D* / d log FLOPs at this budget


@dataclass(frozen=True)
class Surface:
    """L(N, D) at one quality; see the module's text for symbols and units.

    `k` is FLOPs per parameter and sample: FLOPs = k N D.  Fields and arguments are floats, or with
    xp=numpy arrays that broadcast (an entry for each draw, say); results are as they are.
    """

    log_A: Any
    alpha: Any
    log_B: Any
    beta: Any
    log_c: Any  # -inf where the data term does not saturate
    E: Any
    k: float
    xp: Any = scalars

    def model_term(self, params: Any) -> Any:
        """A N^-alpha, in nats: what a larger model would remove."""
        return self.xp.exp(self.log_A - self.alpha * self.xp.log(params))

    def data_term(self, samples: Any) -> Any:
        """(B/D + c)^beta, in nats: what more samples would remove, down to c^beta."""
        xp = self.xp
        return xp.exp(self.beta * xp.logaddexp(self.log_B - xp.log(samples), self.log_c))

    def loss(self, params: Any, samples: Any) -> Any:
        """Loss in nats at `params` > 0 and `samples` > 0."""
        return self.model_term(params) + self.data_term(samples) + self.E

    @property
    def saturates(self) -> bool:
        """Whether imperfect data caps what samples can do, anywhere."""
        return not self.xp.all(self.log_c == -float("inf"))

    @property
    def holds(self) -> Any:
        """Whether the floor is not negative without saturation, as it must be in a law."""
        return self.E >= 0

    @property
    def saturation(self) -> Any:
        """c^beta, in nats: the share of the floor that only better data removes."""
        return self.xp.exp(self.beta * self.log_c)

    @property
    def floor(self) -> Any:
        """The loss that no model and no number of samples goes below: c^beta + E."""
        return self.saturation + self.E

    def optimum(self, flops: Any) -> Optimum:
        """The N and D of least loss with k N D = `flops` (Eq. 4; its root for c > 0).

        Raises DataError unless alpha and beta are above 0: with either at 0 the loss has no
        minimum on the budget line.
        """
        xp, alpha = self.xp, self.alpha
        if not (xp.all(alpha > 0) and xp.all(self.beta > 0)):
            raise DataError(
                f"alpha = {alpha} and beta = {self.beta}: an optimum needs both above 0"
            )
        log_nd = xp.log(flops / self.k)
        log_u = self._optimal_log_u(log_nd)
        log_total = xp.logaddexp(log_u, self.log_c) if self.saturates else log_u
        slope = 1 + (self.beta - 1) * xp.exp(log_u - log_total)
        log_samples = self.log_B - log_u
        log_params = log_nd - log_samples
        model = xp.exp(self.log_A - alpha * log_params)
        loss = model + xp.exp(self.beta * log_total) + self.E
        total = slope + alpha
        return Optimum(
            flops, xp.exp(log_params), xp.exp(log_samples), loss, slope / total, alpha / total
        )

    @property
    def _goal(self) -> Any:
        return self.xp.log(self.alpha) + self.log_A - self.xp.log(self.beta)

    def _optimal_log_u(self, log_nd: Any) -> Any:
        """log(B/D*) on the budget line N D = e^log_nd.

        The root of (beta - 1) log(u + c) + log u + alpha log u = right in log u: concave for
        beta < 1, convex above, with a slope between alpha + min(1, beta) and alpha + max(1, beta).
        Newton's method starts from the root of its two asymptotes.
        """
        xp, alpha, beta, log_c = self.xp, self.alpha, self.beta, self.log_c
        right = self._goal - alpha * (log_nd - self.log_B)
        without = right / (alpha + beta)
        if not self.saturates:
            return without

        def step(log_u: Any) -> Any:
            log_total = xp.logaddexp(log_u, log_c)
            slope = 1 + alpha + (beta - 1) * xp.exp(log_u - log_total)
            return ((beta - 1) * log_total + (1 + alpha) * log_u - right) / slope

        beyond = (right - (beta - 1) * log_c) / (1 + alpha)
        return newton(step, xp.where(without >= log_c, without, beyond), xp)

    def data_multiple(self, flops: Any) -> Callable[[Any], Any]:
        """w_D(w_N) of Eq. 6 at a budget: samples, over D*, with which w_N > 0 times N* parameters
        reach its optimal loss; inf where no number does.

        What the model term grows by, A N*^-alpha (w_N^-alpha - 1), the data term must lose of what
        it has over its saturation, (B/D* + c)^beta - c^beta.
        """
        xp, beta, log_c = self.xp, self.beta, self.log_c
        log_u, log_model, log_data = self._path(flops)

        def multiple(size: Any) -> Any:
            turn = -self.alpha * xp.log(size)  # the logarithm of size^-alpha
            change = log_model + log_expm1(xp.log(xp.maximum(abs(turn), TINY)), xp)
            shrunk = log_data + log1m_exp(xp.minimum(change - log_data, 0.0), xp)
            grown = xp.logaddexp(log_data, change + xp.minimum(turn, 0.0))
            rest = xp.where(turn > 0, shrunk, grown)
            if self.saturates:  # of (c^beta + rest)^(1/beta) - c
                log_again = log_log1p_exp(rest - beta * log_c, xp) - xp.log(beta)
                again = log_c + log_expm1(log_again, xp)
            else:
                again = rest / beta
            possible = (turn <= 0) | (change < log_data)
            data = xp.where(possible, xp.exp(log_u - again), float("inf"))
            return xp.where(turn == 0, 1.0, data)

        return multiple

    def least_size(self, flops: Any) -> Any:
        """The least w_N with which any number of samples reaches the optimal loss of a budget."""
        _, log_model, log_data = self._path(flops)
        return self.xp.exp(-self.xp.logaddexp(log_data - log_model, 0.0) / self.alpha)

    def flops_for(self, loss: Any) -> Any:
        """The least training FLOPs that reach `loss`, 1 or more; inf at or below the floor."""
        xp = self.xp
        found = self.flops_for_excess(xp.log(xp.maximum(loss - self.floor, TINY)))
        return xp.where(loss > self.floor, found, float("inf"))

    def flops_matching(self, params: Any, samples: Any) -> Any:
        """The least training FLOPs that reach the loss of a run of any size, 1 or more."""
        return self.flops_for_excess(self.log_excess(params, samples))

    def log_excess(self, params: Any, samples: Any) -> Any:
        """Logarithm of what the loss of a run lies over the floor."""
        log_model = self.log_A - self.alpha * self.xp.log(params)
        log_data = self._log_data(self.log_B - self.xp.log(samples))
        return self.xp.logaddexp(log_model, log_data)

    def log_optimal_excess(self, flops: Any) -> Any:
        """Logarithm of what the optimal loss of a budget lies over the floor."""
        return self.xp.logaddexp(*self._path(flops)[1:])

    def _log_data(self, log_u: Any) -> Any:
        """Logarithm of what samples, as u = B/D, can still bring: (u + c)^beta - c^beta."""
        if not self.saturates:
            return self.beta * log_u
        grown = self.xp.log(self.beta) + log_log1p_exp(log_u - self.log_c, self.xp)
        return self.beta * self.log_c + log_expm1(grown, self.xp)

    def _log_model(self, log_u: Any) -> Any:
        """Logarithm of the model term beside B/D = u on the optimal path."""
        xp = self.xp
        log_total = xp.logaddexp(log_u, self.log_c)
        return xp.log(self.beta / self.alpha) + log_u + (self.beta - 1) * log_total

    def _path(self, flops: Any) -> tuple[Any, Any, Any]:
        """Of the optimum of a budget: log(B/D*), and the logarithms of what a larger model and more
        samples can bring.
        """
        log_u = self._optimal_log_u(self.xp.log(flops / self.k))
        return log_u, self._log_model(log_u), self._log_data(log_u)

    def flops_for_excess(self, log_excess: Any) -> Any:
        """The least training FLOPs that reach a loss so much over the floor; inf beyond e^700.

        On the optimal path, with T = u (u + c)^(beta - 1), the loss over the floor is
        (beta / alpha) T + (u + c)^beta - c^beta; its logarithm rises in log u with a slope between
        1 and beta.
        """
        xp, alpha, beta, log_c = self.xp, self.alpha, self.beta, self.log_c
        log_u = (log_excess - xp.log(beta / alpha + 1)) / beta
        if self.saturates:
            near = log_excess - (beta - 1) * log_c - xp.log(beta / alpha + beta)
            start = xp.where(log_u >= log_c, log_u, near)

            def step(log_u: Any) -> Any:
                share = xp.exp(log_u - xp.logaddexp(log_u, log_c))
                log_model = self._log_model(log_u)
                above = xp.logaddexp(log_model, self._log_data(log_u))
                slope = xp.exp(log_model - above) * (1 + (beta - 1) * share + alpha)
                return (above - log_excess) / slope

            log_u = newton(step, start, xp)
        log_params = (self.log_A - self._log_model(log_u)) / alpha
        log_flops = xp.log(self.k) + log_params + self.log_B - log_u
        found = xp.exp(xp.clip(log_flops, 0.0, LARGEST_BUDGET))
        return xp.where(log_flops <= LARGEST_BUDGET, found, float("inf"))
