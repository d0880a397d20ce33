"""Fitting Approach 2 with interaction: all data sets at once.

In fitting coordinates (see `residuals`), with l = log(1 + F) less its mean, log L is a soft maximum
of the logarithms of three terms:

    log L = 1/rho log sum_k e^(rho v_k),    rho = 1/gamma
    v_1 = a - alpha x      v_2 = b - beta y + zeta l      v_3 = e + eps l

With the shares w_k = e^(rho (v_k - log L)), which sum to 1, the derivatives are
    d log L / d theta = w_k dv_k / d theta      for a coordinate of term k
    d log L / d log rho = sum_k w_k v_k - log L
E is positive by its coordinate: there is no floor to hold at zero.

Source: Droppo and Elibol 2021 for the form; see `laws.interaction`.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.laws.fitting.documents import surface_document
from advlib.laws.fitting.observations import fids_of, require_several_fids
from advlib.laws.fitting.residuals import (
    Coordinate,
    Curvature,
    Residuals,
    as_number,
    column_sum,
    exponent,
    safe_exp,
    signed,
)
from advlib.laws.fitting.settings import Settings
from advlib.laws.fitting.stages import Fitted, Progress, fit_at_once
from advlib.laws.interaction import FORM
from advlib.runs.table import Table

# Starts: terms as shares of the typical loss at the table's centre; alpha, beta, zeta, eps, gamma.
STARTS = np.array(
    list(
        itertools.product(
            (0.05, 0.2),
            (0.05, 0.2),
            (0.8,),
            (0.1, 0.3),
            (0.1, 0.3),
            (-0.2, 0.2),
            (0.1,),
            (1.0, 0.3),
        )
    )
).T
GAMMA = (0.02, 10.0)  # limits: below, terms add so little that no table tells how little


class Interacting(Residuals):
    """Approach 2 with interaction in fitting coordinates."""

    form = FORM
    coordinates = (
        Coordinate("log floor", "E", low=-30.0),
        Coordinate("log model term", "A"),
        exponent("alpha", 1e-3),
        Coordinate("log data term", "B"),
        exponent("beta", 1e-3),
        signed("zeta"),
        signed("eps"),
        Coordinate("log rho", "gamma", -float(np.log(GAMMA[1])), -float(np.log(GAMMA[0]))),
    )
    terms = ((1, 2), (3, 4, 5), (0, 6))  # coordinates of v_1, v_2 and v_3

    def __init__(
        self,
        params: np.ndarray,
        samples: np.ndarray,
        fid: np.ndarray,
        loss: np.ndarray,
        held_at: float | None = None,
    ):
        super().__init__(params, samples, fid, loss, held_at)
        self.center_l = float(self.log1p_fid.mean())
        self.ell = self.log1p_fid - self.center_l

    def _soft_maximum(
        self, theta: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
        """The v_k and their shares w_k, (n, S) each, log L (n, S), and rho (S,)."""
        e, a, p, b, q, zeta, eps, h = theta
        v = [
            a - safe_exp(p) * self.x,
            b - safe_exp(q) * self.y + zeta * self.ell,
            e + eps * self.ell,
        ]
        rho = np.exp(h)
        largest = np.maximum(np.maximum(v[0], v[1]), v[2])
        parts = [np.exp(rho * (term - largest)) for term in v]
        total = parts[0] + parts[1] + parts[2]
        return v, [part / total for part in parts], largest + np.log(total) / rho, rho

    def residual(self, theta: np.ndarray) -> np.ndarray:
        """The residuals log L_hat - log L, (n, S)."""
        return self._soft_maximum(theta)[2] - self.target

    def _loss(self, theta: np.ndarray) -> np.ndarray:
        return safe_exp(self._soft_maximum(theta)[2])

    def _derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], Curvature]:
        v, shares, log_loss, rho = self._soft_maximum(theta)
        one = np.ones_like(log_loss)
        u, w = -safe_exp(theta[2]) * self.x, -safe_exp(theta[4]) * self.y
        slopes = [one, one, u, one, w, self.ell * one, self.ell * one]  # of the term of each
        first = self._by_coordinate(shares, slopes)
        mean = sum(share * term for share, term in zip(shares, v, strict=True))
        last = len(self.coordinates) - 1
        by_rho = mean - log_loss
        first.append(by_rho)

        def curvature(weight: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
            out = {
                (i, j): column_sum(weight * (1 - rho) * first[i] * first[j])
                for i in range(last)
                for j in range(i, last)
            }
            for term, share, value in zip(self.terms, shares, v, strict=True):
                for i, j in itertools.combinations_with_replacement(sorted(term), 2):
                    bend = slopes[i] if i == j and i in (2, 4) else 0.0  # of v by a log exponent
                    both = share * (bend + rho * slopes[i] * slopes[j])
                    out[i, j] = out[i, j] + column_sum(weight * both)
                for i in term:
                    mixed = first[i] * (rho * (value - mean) + by_rho)
                    out[i, last] = column_sum(weight * mixed)
            square = sum(share * value**2 for share, value in zip(shares, v, strict=True))
            own = rho * (square - mean**2) - by_rho + by_rho**2
            return out | {(last, last): column_sum(weight * own)}

        loss = safe_exp(log_loss)
        return loss, [loss * column for column in first], curvature

    def _by_coordinate(
        self, shares: list[np.ndarray], slopes: list[np.ndarray]
    ) -> list[np.ndarray]:
        """w_k dv_k / d theta of every coordinate of a term, in their order."""
        share_of = {i: share for term, share in zip(self.terms, shares, strict=True) for i in term}
        return [share_of[i] * slope for i, slope in enumerate(slopes)]

    def parameters(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        e, a, p, b, q, zeta, eps, h = theta
        alpha, beta = np.exp(p), np.exp(q)
        return {
            "A": as_number(a + alpha * self.center_n),
            "alpha": alpha,
            "B": as_number(b + beta * self.center_d - zeta * self.center_l),
            "beta": beta,
            "E": as_number(e - eps * self.center_l),
            "zeta": zeta + 0.0 * e,
            "eps": eps + 0.0 * e,
            "gamma": np.exp(-h),
        }

    def theta(self, parameters: Mapping[str, Any]) -> np.ndarray:
        alpha, beta = np.asarray(parameters["alpha"]), np.asarray(parameters["beta"])
        zeta, eps = np.asarray(parameters["zeta"]), np.asarray(parameters["eps"])
        return np.array(
            [
                np.log(parameters["E"]) + eps * self.center_l,
                np.log(parameters["A"]) - alpha * self.center_n,
                np.log(alpha),
                np.log(parameters["B"]) - beta * self.center_d + zeta * self.center_l,
                np.log(beta),
                zeta,
                eps,
                -np.log(parameters["gamma"]),
            ]
        )

    def starts(self) -> np.ndarray:
        """Coordinates (P, S) of STARTS."""
        model, data, floor = np.log(STARTS[:3] * self.level)
        alpha, beta, zeta, eps, gamma = STARTS[3:]
        rho = -np.log(gamma)
        return np.array([floor, model, np.log(alpha), data, np.log(beta), zeta, eps, rho])


def documents(
    table: Table, settings: Settings, notes: list[str], progress: Progress = iter
) -> list[dict]:
    """The fit document of a table; see `documents`."""
    return [surface_document(FORM, fit, table, settings, notes)]


def fit(table: Table, settings: Settings) -> Fitted:
    """Fit the law to rows in canonical order, all data sets at once."""
    (variant,) = FORM.variants
    plain = "--plain fits the law without quality"
    require_several_fids(fids_of(table), table, variant.name, plain)
    if settings.recipe == "published":
        raise DataError("--recipe published is the study's, which has no --interaction")
    return fit_at_once(variant.name, Interacting, Interacting.starts, table, settings)
