"""Fitting Approach 3: all data sets at once.

In fitting coordinates (see `residuals`), with z = log F less its mean, l = log(1 + F),
A' = slope_A / alpha and B' = slope_B / beta:

    L = A' (e^(-alpha x) - 1) + S(y, z) - S(0, 0) + t + eps (l - mean l)
    S(y, z) = (B'^(1/beta) e^-y + C'^(1/beta) e^(kappa z / beta))^beta

A model made with `held_at` has t = 0 and nothing taken away instead, and l less that value for l
less its mean: the floor without saturation is 0 there.

Source: Bartoldson et al. 2024, Eq. 5, Sec. 3.2, App. F.
"""

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from advlib.laws.approach3 import FORM
from advlib.laws.fitting import published
from advlib.laws.fitting.documents import surface_document
from advlib.laws.fitting.observations import (
    fids_of,
    law_columns,
    require_enough,
    require_several_fids,
)
from advlib.laws.fitting.residuals import (
    Coordinate,
    Curvature,
    Residuals,
    as_number,
    column_dot,
    column_sum,
    exponent,
    safe_exp,
    signed,
)
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Fitted, Progress, fit_at_once
from advlib.runs.table import Table

# Starts: shares of A N^-alpha, (B/D)^beta, E and (Q F)^kappa in the typical loss; alpha, beta,
# kappa, eps.  As many as the paper's grid.
STARTS = np.array(
    list(
        itertools.product(
            (0.03, 0.1, 0.3),
            (0.03, 0.1, 0.3),
            (0.5, 0.2),
            (0.01, 0.1),
            (0.1, 0.2, 0.3),
            (0.1, 0.2, 0.3),
            (0.8, 0.4),
            (0.01,),
        )
    )
).T
PERFECT = -1e6  # log 0 as a number so low that (Q F)^kappa vanishes, yet products stay finite


class Saturating(Residuals):
    """Approach 3 in fitting coordinates."""

    form = FORM
    # B and Q are terms to the power 1/beta and 1/kappa: lower exponents would leave float64
    coordinates = (
        Coordinate("t", "E"),
        Coordinate("log slope A", "A"),
        exponent("alpha", 1e-3),
        Coordinate("log slope B", "B"),
        exponent("beta", 1e-2),
        Coordinate("log C", "Q"),
        exponent("kappa", 1e-2),
        signed("eps"),
    )
    by_row = (*Residuals.by_row, "z")

    def __init__(
        self,
        params: np.ndarray,
        samples: np.ndarray,
        fid: np.ndarray,
        loss: np.ndarray,
        held_at: float | None = None,
    ):
        super().__init__(params, samples, fid, loss, held_at)
        perfect = fid <= 0
        log_fid = np.log(np.where(perfect, 1.0, fid))
        self.center_f = float(log_fid[~perfect].mean()) if (~perfect).any() else 0.0
        self.z = np.where(perfect, PERFECT, log_fid - self.center_f)[:, None]
        self.center_l = float(self.log1p_fid.mean()) if held_at is None else held_at
        self.worst = float(self.log1p_fid.max())
        self.ell = self.log1p_fid - self.center_l
        self.origin = np.zeros((1, 1))

    @property
    def ends(self) -> tuple[float, ...]:
        """As Residuals says: perfect data, and the worst of the table."""
        return 0.0, self.worst

    def floor(self, parameters: Mapping[str, Any], end: float) -> Any:
        """As Residuals says."""
        return parameters["E"] + parameters["eps"] * end

    def _data(self, theta: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """S(y, z) and the pieces of its derivatives."""
        b, q, c, h = theta[3] - theta[4], theta[4], theta[5], theta[6]
        beta, kappa_z = safe_exp(q), safe_exp(h) * z
        gap = b - beta * y - c - kappa_z  # log of the ratio of the two parts, times beta
        far = safe_exp(-np.abs(gap) / beta)
        s1 = np.where(gap > 0, 1.0, far) / (1.0 + far)
        log_data = np.maximum(b - beta * y, c + kappa_z) + beta * np.log1p(far)
        return safe_exp(log_data), log_data, s1, 1.0 - s1, b - c - kappa_z, beta, b, kappa_z

    def _loss(self, theta: np.ndarray) -> np.ndarray:
        t, a, p = theta[:3]
        model = safe_exp(a - p) * (safe_exp(-safe_exp(p) * self.x) - self.centred)
        data = self._data(theta, self.y, self.z)[0]
        low = self.centred * self._data(theta, self.origin, self.origin)[0]
        return model + data - low + t + theta[7] * self.ell

    def _derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], Curvature]:
        t, a, p = theta[:3]
        u = -safe_exp(p) * self.x
        low_model = self.centred * safe_exp(a - p)
        model = safe_exp(a - p + u)
        fx, xu = model - low_model, model * u
        there, low = self._data(theta, self.y, self.z), self._data(theta, self.origin, self.origin)
        columns, low_columns = _data_gradient(*there), _data_gradient(*low)
        loss = fx + there[0] - self.centred * low[0] + t + theta[7] * self.ell
        gradient = [
            np.ones_like(loss),
            fx,
            xu - fx,
            *(c - self.centred * o for c, o in zip(columns, low_columns, strict=True)),
            self.ell,
        ]

        def curvature(weight: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
            w = weight / loss
            wxu = w * xu
            sx, sxu = column_dot(w, fx), column_sum(wxu)
            out = {(1, 1): sx, (1, 2): sxu - sx, (2, 2): column_dot(wxu, u) - sxu + sx}
            part = _data_curvature(w, columns, *there)
            if self.centred:
                whole = column_sum(w)[None]
                for key, value in _data_curvature(whole, low_columns, *low).items():
                    part[key] = part[key] - value
            return out | part

        return loss, gradient, curvature

    def parameters(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        t, a, p, b, q, c, h, eps = theta
        alpha, beta, kappa = np.exp(p), np.exp(q), np.exp(h)
        low = self._data(theta, self.origin, self.origin)[0][0]
        return {
            "A": as_number(a - p + alpha * self.center_n),
            "alpha": alpha,
            "B": as_number((b - q) / beta + self.center_d),
            "beta": beta,
            "E": t - self.centred * (safe_exp(a - p) + low) - eps * self.center_l,
            "Q": as_number(c / kappa - self.center_f),
            "kappa": kappa,
            "eps": eps + 0.0 * t,
        }

    def theta(self, parameters: Mapping[str, Any]) -> np.ndarray:
        alpha, beta = np.asarray(parameters["alpha"]), np.asarray(parameters["beta"])
        kappa, eps = np.asarray(parameters["kappa"]), np.asarray(parameters["eps"])
        a = np.log(parameters["A"]) - alpha * self.center_n
        b = beta * (np.log(parameters["B"]) - self.center_d)
        c = kappa * (np.log(parameters["Q"]) + self.center_f)
        p, q, h = np.log(alpha), np.log(beta), np.log(kappa)
        theta = np.array([0.0 * a, a + p, p, b + q, q, c, h, eps])
        low = self._data(theta, self.origin, self.origin)[0].reshape(np.shape(a))
        theta[0] = parameters["E"] + self.centred * (np.exp(a) + low) + eps * self.center_l
        return theta

    def starts(
        self,
        shares: np.ndarray,
        alpha: np.ndarray,
        beta: np.ndarray,
        kappa: np.ndarray,
        eps: np.ndarray,
    ) -> np.ndarray:
        """Coordinates of starts given the shares of A N^-alpha, (B/D)^beta, E and (Q F)^kappa in
        the loss at the centre, `shares` (4, S) > 0, the exponents and eps (S,).
        """
        model, data, floor, quality = np.log(np.asarray(shares) * self.level)
        return self.theta(
            {
                "A": np.exp(model + alpha * self.center_n),
                "alpha": alpha,
                "B": np.exp(data / beta + self.center_d),
                "beta": beta,
                "E": np.exp(floor),
                "Q": np.exp(quality / kappa - self.center_f),
                "kappa": kappa,
                "eps": eps + 0 * alpha,
            }
        )


def _data_gradient(data, log_data, s1, s2, gap, beta, b, kappa_z) -> tuple[np.ndarray, ...]:
    """DS by log slope B, log beta, log C, log kappa.  By log beta at fixed B', log S moves by
    log S - s1 b - s2 (c + kappa z); fixing the slope instead takes s1 away once more.
    """
    by_beta = log_data - b + s2 * gap  # c + kappa z = b - gap
    return data * s1, data * (by_beta - s1), data * s2, data * s2 * kappa_z


def _data_curvature(weight, columns, data, log_data, s1, s2, gap, beta, b, kappa_z):
    """Weighted sums over rows of the second derivatives of S; coordinates 3 to 6."""
    w = weight * data
    by_beta = log_data - b + s2 * gap
    mixed = w * s1 * s2 / beta
    slopes = (s1, by_beta - s1, s2, s2 * kappa_z)  # of log S
    # how the log ratio of the two parts moves, times beta
    spread = (1.0, -gap - 1.0, -1.0, -kappa_z)
    out = {}
    for i in range(4):
        left, cross = w * slopes[i], mixed * spread[i]
        for j in range(i, 4):
            out[3 + i, 3 + j] = column_dot(left, slopes[j]) + column_sum(cross * spread[j])
    out[4, 4] = out[4, 4] + column_sum(w * by_beta)
    out[6, 6] = out[6, 6] + column_sum(w * s2 * kappa_z)
    return out


def documents(
    table: Table, settings: Settings, notes: list[str], progress: Progress = iter
) -> list[dict]:
    """The fit document of a table; see `documents`."""
    return [surface_document(FORM, partial(fit, progress=progress), table, settings, notes)]


def fit(table: Table, settings: Settings, progress: Progress = iter) -> Fitted:
    """Fit Eq. 5 to rows in canonical order, all data sets at once."""
    (variant,) = FORM.variants
    require_several_fids(fids_of(table), table, "approach 3", "approach 2 fits one")
    if settings.recipe == "published":
        return _published(table, variant.name, progress)
    return fit_at_once(variant.name, Saturating, _starts, table, settings)


def _starts(model: Saturating) -> np.ndarray:
    return model.starts(STARTS[:4], *STARTS[4:])


def _published(table: Table, variant: str, progress: Progress) -> Fitted:
    """The study's own recipe."""
    used = np.isfinite(table["fid"])
    columns, free = law_columns(table.take(np.flatnonzero(used))), Saturating.places(FORM.names)
    require_enough(table, len(free))
    found = published.saturating(*columns, progress=progress)
    stage = published.stage(variant, Saturating(*columns), found, free)
    return Fitted(variant, stage.parameters, [stage], {}, used)
