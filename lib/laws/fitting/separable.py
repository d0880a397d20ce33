"""Approach 2 in fitting coordinates.

With x, y as in `residuals`, l = log(1 + F) less that of `reference_fid`, A' = slope_A / alpha and
B' = slope_B / beta:

    L = A' (e^(-alpha x) - g) + B' (e^(-beta y + zeta l) - g) + t g,    g = e^(eps l)

A model made with `held_at` has t = 0 instead, and E = 0.

Source: Bartoldson et al. 2024, Eq. 3.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from advlib.laws.approach2 import FORM
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


class Separable(Residuals):
    """Approach 2 in fitting coordinates."""

    form = FORM
    coordinates = (
        Coordinate("t", "E"),
        Coordinate("log slope A", "A"),
        exponent("alpha", 1e-3),
        Coordinate("log slope B", "B"),
        exponent("beta", 1e-3),
        signed("zeta"),
        signed("eps"),
    )

    def __init__(
        self,
        params: np.ndarray,
        samples: np.ndarray,
        fid: np.ndarray,
        loss: np.ndarray,
        held_at: float | None = None,
        reference_fid: float = 0.0,
    ):
        super().__init__(params, samples, fid, loss, held_at)
        self.reference = float(np.log1p(reference_fid))
        self.ell = self.log1p_fid - self.reference

    def _terms(self, theta: np.ndarray) -> tuple[np.ndarray, ...]:
        t, a, p, b, q, zeta, eps = theta
        u, v = -safe_exp(p) * self.x, -safe_exp(q) * self.y
        ground = safe_exp(eps * self.ell)
        model, data = safe_exp(a - p + u), safe_exp(b - q + v + zeta * self.ell)
        low_model, low_data = self.centred * safe_exp(a - p), self.centred * safe_exp(b - q)
        floor = (t - low_model - low_data) * ground
        return u, v, ground, model, data, low_model * ground, low_data * ground, floor

    def _loss(self, theta: np.ndarray) -> np.ndarray:
        *_, model, data, _, _, floor = self._terms(theta)
        return model + data + floor

    def _derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], Curvature]:
        u, v, ground, model, data, low_model, low_data, floor = self._terms(theta)
        ell = self.ell
        loss = model + data + floor
        fx, fy, xu, yv = model - low_model, data - low_data, model * u, data * v
        columns = [ground, fx, xu - fx, fy, yv - fy, ell * data, ell * floor]

        def curvature(weight: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
            w = weight / loss
            wx, wxu, wy, wyv = w * fx, w * xu, w * fy, w * yv
            sx, sxu, sy, syv = column_sum(wx), column_sum(wxu), column_sum(wy), column_sum(wyv)
            out = {
                (1, 1): sx,
                (1, 2): sxu - sx,
                (2, 2): column_dot(wxu, u) - sxu + sx,
                (3, 3): sy,
                (3, 4): syv - sy,
                (4, 4): column_dot(wyv, v) - syv + sy,
            }
            if np.any(ell):
                wl = w * ell
                low_a, low_b = column_dot(wl, low_model), column_dot(wl, low_data)
                data_l, yv_l = column_dot(wl, data), column_dot(wl, yv)
                data_ll = column_dot(wl * ell, data)
                out |= {
                    (0, 6): column_dot(wl, ground),
                    (1, 6): -low_a,
                    (2, 6): low_a,
                    (3, 6): -low_b,
                    (4, 6): low_b,
                    (6, 6): column_dot(wl * ell, floor),
                    (3, 5): data_l,
                    (4, 5): yv_l - data_l,
                    (5, 5): data_ll,
                }
            return out

        return loss, columns, curvature

    def parameters(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        t, a, p, b, q, zeta, eps = theta
        alpha, beta = np.exp(p), np.exp(q)
        floor = t - self.centred * (safe_exp(a - p) + safe_exp(b - q))
        floor = np.where(np.abs(floor) < 1e-12 * np.abs(t), 0.0, floor)  # a floor held at zero
        return {
            "A": as_number(a - p + alpha * self.center_n),
            "alpha": alpha,
            "B": as_number(b - q + beta * self.center_d - zeta * self.reference),
            "beta": beta,
            "E": floor * np.exp(-eps * self.reference),
            "zeta": zeta + 0.0 * t,
            "eps": eps + 0.0 * t,
        }

    def theta(self, parameters: Mapping[str, Any]) -> np.ndarray:
        alpha, beta = np.asarray(parameters["alpha"]), np.asarray(parameters["beta"])
        zeta, eps = parameters.get("zeta", 0.0 * alpha), parameters.get("eps", 0.0 * alpha)
        a = np.log(parameters["A"]) - alpha * self.center_n
        b = np.log(parameters["B"]) - beta * self.center_d + zeta * self.reference
        t = parameters["E"] * np.exp(eps * self.reference) + self.centred * (np.exp(a) + np.exp(b))
        p, q = np.log(alpha), np.log(beta)
        return np.array([t, a + p, p, b + q, q, zeta, eps])

    def starts(
        self,
        shares: np.ndarray,
        alpha: np.ndarray,
        beta: np.ndarray,
        zeta: np.ndarray | float = 0.0,
        eps: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """Coordinates of starts given the shares of the three terms in the loss at the centre,
        `shares` (3, S) > 0, and the exponents (S,).
        """
        terms = np.asarray(shares) * self.level
        p, q = np.log(alpha), np.log(beta)
        a, b = np.log(terms[0]) + p, np.log(terms[1]) + q
        t = terms[2] + self.centred * (terms[0] + terms[1])
        return np.array([t, a, p, b, q, zeta + 0 * p, eps + 0 * p])
