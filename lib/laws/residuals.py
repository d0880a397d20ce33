"""Log residuals of the two parametric laws with exact first and second derivatives, for many
parameter vectors at once.

The fitting coordinates make the laws nearly linear, where the plain parameters run along a long
curved valley: the loss at the table's centre (geometric mean of N and D) instead of the floor E,
the slopes alpha A' and beta B' there instead of the amplitudes A and B, logarithms of what must be
positive.  They have no units, so a change of the units of N or D changes only the way back.

    Approach 2:  L = A' (e^(-alpha x) - g) + B' (e^(-beta y + zeta l) - g) + t g,    g = e^(eps l)
    Approach 3:  L = A' (e^(-alpha x) - 1) + S(y, z) - S(0, 0) + t + eps (l - mean l)
                 S(y, z) = (B'^(1/beta) e^-y + C'^(1/beta) e^(kappa z / beta))^beta

with x, y, z = log N, log D, log F less their means, l = log(1 + F), A' = slope_A / alpha and
B' = slope_B / beta.  A model made with `floor_at_zero` has t = 0 instead, and E = 0, for tables
whose best floor would be negative.

Shapes: n rows (runs), S parameter vectors (starts or bootstrap draws), P coordinates.  `theta` is
(P, S) float64; residuals are (n, S), log of predicted over observed loss.
Source: Bartoldson et al. 2024, Eqs. 3 and 5.
"""

import copy
from collections.abc import Mapping

import numpy as np

LARGEST = 690.0  # logarithm of the largest parameter; e^690 is about 1e299
LIMIT = 200.0  # exponents of terms stay below this, so that products of terms stay finite


def _bounds(exponents, size):
    """Limits of the coordinates: exponents from a least value up to 10, the others free.  A table
    that wants an exponent below its bound shows no end to what that size buys."""
    low, high = np.full((size, 1), -np.inf), np.full((size, 1), np.inf)
    for index, least in exponents.items():
        low[index], high[index] = np.log(least), np.log(10.0)
    return low, high


class Residuals:
    """The centred data that both laws share."""

    names: tuple[str, ...]  # of the coordinates
    bounds: tuple[np.ndarray, np.ndarray]  # of the coordinates, each (P, 1)

    def __init__(self, params, samples, fid, loss, floor_at_zero=False):
        """All of shape (n,): counts > 0, FID >= 0, nats > 0."""
        log_n, log_d = np.log(params), np.log(samples)
        self.center_n, self.center_d = log_n.mean(), log_d.mean()
        self.x = (log_n - self.center_n)[:, None]
        self.y = (log_d - self.center_d)[:, None]
        self.target = np.log(loss)[:, None]
        self.level = float(np.exp(np.log(loss).mean()))  # nats
        self.log1p_fid = np.log1p(fid)[:, None]
        self.centred = 0.0 if floor_at_zero else 1.0

    def residual(self, theta):
        """log L_hat - log L, (n, S); NaN where L_hat is not positive."""
        return _log(self._loss(theta)) - self.target

    def _loss(self, theta):
        raise NotImplementedError

    def rows(self, index):
        """The same model of some of its rows."""
        part = copy.copy(self)
        for name in ("x", "y", "z", "ell", "log1p_fid", "target"):
            if hasattr(self, name):
                setattr(part, name, getattr(self, name)[index])
        return part

    def gradient(self, theta, free):
        """Residuals (n, S), and their derivatives by the coordinates `free`, arrays (n, S)."""
        return self.derivatives(theta, free)[:2]

    def derivatives(self, theta, free):
        """As `gradient`, and a function that, given weights (n, S), returns
        {(i, j): sum over rows of weight * d2L/didj / L} for i <= j where it is not zero."""
        loss, columns, curvature = self._derivatives(theta)
        scaled = [np.broadcast_to(columns[i], loss.shape) / loss for i in free]
        return _log(loss) - self.target, scaled, curvature

    def _derivatives(self, theta):
        raise NotImplementedError


class Separable(Residuals):
    """Approach 2; l is log(1 + F) less that of `reference_fid`."""

    names = ("t", "log slope A", "log alpha", "log slope B", "log beta", "zeta", "eps")
    bounds = _bounds({2: 1e-3, 4: 1e-3}, 7)

    def __init__(self, params, samples, fid, loss, reference_fid=0.0, floor_at_zero=False):
        super().__init__(params, samples, fid, loss, floor_at_zero)
        self.reference = float(np.log1p(reference_fid))
        self.ell = self.log1p_fid - self.reference

    def _terms(self, theta):
        t, a, p, b, q, zeta, eps = theta
        u, v = -_exp(p) * self.x, -_exp(q) * self.y
        ground = _exp(eps * self.ell)
        model, data = _exp(a - p + u), _exp(b - q + v + zeta * self.ell)
        low_model, low_data = self.centred * _exp(a - p), self.centred * _exp(b - q)
        floor = (t - low_model - low_data) * ground
        return u, v, ground, model, data, low_model * ground, low_data * ground, floor

    def _loss(self, theta):
        *_, model, data, _, _, floor = self._terms(theta)
        return model + data + floor

    def _derivatives(self, theta):
        u, v, ground, model, data, low_model, low_data, floor = self._terms(theta)
        ell = self.ell
        loss = model + data + floor
        fx, fy, xu, yv = model - low_model, data - low_data, model * u, data * v
        columns = [ground, fx, xu - fx, fy, yv - fy, ell * data, ell * floor]

        def curvature(weight):
            w = weight / loss
            wx, wxu, wy, wyv = w * fx, w * xu, w * fy, w * yv
            sx, sxu, sy, syv = _sum(wx), _sum(wxu), _sum(wy), _sum(wyv)
            out = {
                (1, 1): sx, (1, 2): sxu - sx, (2, 2): _dot(wxu, u) - sxu + sx,
                (3, 3): sy, (3, 4): syv - sy, (4, 4): _dot(wyv, v) - syv + sy,
            }  # fmt: skip
            if np.any(ell):
                wl = w * ell
                low_a, low_b = _dot(wl, low_model), _dot(wl, low_data)
                data_l = _dot(wl, data)
                out |= {
                    (0, 6): _dot(wl, ground), (1, 6): -low_a, (2, 6): low_a,
                    (3, 6): -low_b, (4, 6): low_b, (6, 6): _dot(wl * ell, floor),
                    (3, 5): data_l, (4, 5): _dot(wl, yv) - data_l, (5, 5): _dot(wl * ell, data),
                }  # fmt: skip
            return out

        return loss, columns, curvature

    def parameters(self, theta) -> dict[str, np.ndarray]:
        """The law's parameters at FID 0, arrays (S,); names and units as in `approach2`."""
        t, a, p, b, q, zeta, eps = theta
        alpha, beta = np.exp(p), np.exp(q)
        floor = t - self.centred * (_exp(a - p) + _exp(b - q))
        return {
            "A": _number(a - p + alpha * self.center_n),
            "alpha": alpha,
            "B": _number(b - q + beta * self.center_d - zeta * self.reference),
            "beta": beta,
            "E": floor * np.exp(-eps * self.reference),
            "zeta": zeta + 0.0 * t,
            "eps": eps + 0.0 * t,
        }

    def theta(self, parameters: Mapping[str, float]) -> np.ndarray:
        """Coordinates (P, ...) of the law with `parameters`, the inverse of `parameters`."""
        alpha, beta = np.asarray(parameters["alpha"]), np.asarray(parameters["beta"])
        zeta, eps = parameters.get("zeta", 0.0 * alpha), parameters.get("eps", 0.0 * alpha)
        a = np.log(parameters["A"]) - alpha * self.center_n
        b = np.log(parameters["B"]) - beta * self.center_d + zeta * self.reference
        t = parameters["E"] * np.exp(eps * self.reference) + self.centred * (np.exp(a) + np.exp(b))
        p, q = np.log(alpha), np.log(beta)
        return np.array([t, a + p, p, b + q, q, zeta, eps])

    def starts(self, shares, alpha, beta, zeta=0.0, eps=0.0) -> np.ndarray:
        """Coordinates of starts given the shares of the three terms in the loss at the centre,
        `shares` (3, S) > 0, and the exponents (S,)."""
        terms = np.asarray(shares) * self.level
        p, q = np.log(alpha), np.log(beta)
        a, b = np.log(terms[0]) + p, np.log(terms[1]) + q
        t = terms[2] + self.centred * (terms[0] + terms[1])
        return np.array([t, a, p, b, q, zeta + 0 * p, eps + 0 * p])


class Saturating(Residuals):
    """Approach 3."""

    names = (
        "t", "log slope A", "log alpha", "log slope B", "log beta", "log C", "log kappa", "eps",
    )  # fmt: skip
    # B and Q are terms to the power 1/beta and 1/kappa: lower exponents would leave float64
    bounds = _bounds({2: 1e-3, 4: 1e-2, 6: 1e-2}, 8)

    def __init__(self, params, samples, fid, loss, floor_at_zero=False):
        super().__init__(params, samples, fid, loss, floor_at_zero)
        perfect = fid <= 0
        log_fid = np.log(np.where(perfect, 1.0, fid))
        self.center_f = float(log_fid[~perfect].mean()) if (~perfect).any() else 0.0
        # log 0 as a number so low that (Q F)^kappa vanishes, yet products with it stay finite
        self.z = np.where(perfect, -1e6, log_fid - self.center_f)[:, None]
        self.center_l = self.centred * float(self.log1p_fid.mean())
        self.ell = self.log1p_fid - self.center_l
        self.origin = np.zeros((1, 1))

    def _data(self, theta, y, z):
        """S(y, z) and the pieces of its derivatives."""
        b, q, c, h = theta[3] - theta[4], theta[4], theta[5], theta[6]
        beta, kappa_z = _exp(q), _exp(h) * z
        gap = b - beta * y - c - kappa_z  # log of the ratio of the two parts, times beta
        far = _exp(-np.abs(gap) / beta)
        s1 = np.where(gap > 0, 1.0, far) / (1.0 + far)
        log_data = np.maximum(b - beta * y, c + kappa_z) + beta * np.log1p(far)
        return _exp(log_data), log_data, s1, 1.0 - s1, b - c - kappa_z, beta, b, kappa_z

    def _loss(self, theta):
        t, a, p = theta[:3]
        model = _exp(a - p) * (_exp(-_exp(p) * self.x) - self.centred)
        data = self._data(theta, self.y, self.z)[0]
        low = self.centred * self._data(theta, self.origin, self.origin)[0]
        return model + data - low + t + theta[7] * self.ell

    def _derivatives(self, theta):
        t, a, p = theta[:3]
        u = -_exp(p) * self.x
        low_model = self.centred * _exp(a - p)
        model = _exp(a - p + u)
        fx, xu = model - low_model, model * u
        there, low = self._data(theta, self.y, self.z), self._data(theta, self.origin, self.origin)
        columns, low_columns = _data_gradient(*there), _data_gradient(*low)
        loss = fx + there[0] - self.centred * low[0] + t + theta[7] * self.ell
        gradient = [
            np.ones_like(loss), fx, xu - fx,
            *(c - self.centred * o for c, o in zip(columns, low_columns, strict=True)),
            self.ell,
        ]  # fmt: skip

        def curvature(weight):
            w = weight / loss
            wxu = w * xu
            sx, sxu = _dot(w, fx), _sum(wxu)
            out = {(1, 1): sx, (1, 2): sxu - sx, (2, 2): _dot(wxu, u) - sxu + sx}
            part = _data_curvature(w, columns, *there)
            if self.centred:
                whole = _sum(w)[None]
                for key, value in _data_curvature(whole, low_columns, *low).items():
                    part[key] = part[key] - value
            return out | part

        return loss, gradient, curvature

    def parameters(self, theta) -> dict[str, np.ndarray]:
        """The law's parameters, arrays (S,); names and units as in `approach3`."""
        t, a, p, b, q, c, h, eps = theta
        alpha, beta, kappa = np.exp(p), np.exp(q), np.exp(h)
        low = self._data(theta, self.origin, self.origin)[0][0]
        return {
            "A": _number(a - p + alpha * self.center_n),
            "alpha": alpha,
            "B": _number((b - q) / beta + self.center_d),
            "beta": beta,
            "E": t - self.centred * (_exp(a - p) + low) - eps * self.center_l,
            "Q": _number(c / kappa - self.center_f),
            "kappa": kappa,
            "eps": eps + 0.0 * t,
        }

    def theta(self, parameters: Mapping[str, float]) -> np.ndarray:
        """Coordinates (P, ...) of the law with `parameters`, the inverse of `parameters`."""
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

    def starts(self, shares, alpha, beta, kappa, eps) -> np.ndarray:
        """Coordinates of starts given the shares of A N^-alpha, (B/D)^beta, E and (Q F)^kappa in
        the loss at the centre, `shares` (4, S) > 0, the exponents and eps (S,)."""
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


def _data_gradient(data, log_data, s1, s2, gap, beta, b, kappa_z):
    """dS by log slope B, log beta, log C, log kappa.  By log beta at fixed B', log S moves by
    log S - s1 b - s2 (c + kappa z); fixing the slope instead takes s1 away once more."""
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
            out[3 + i, 3 + j] = _dot(left, slopes[j]) + _sum(cross * spread[j])
    out[4, 4] = out[4, 4] + _sum(w * by_beta)
    out[6, 6] = out[6, 6] + _sum(w * s2 * kappa_z)
    return out


def _number(log):
    """e^log, kept within what a float can hold."""
    return np.exp(np.clip(log, -LARGEST, LARGEST))


def _exp(x):
    return np.exp(np.minimum(x, LIMIT))


def _log(x):
    return np.log(np.where(x > 0, x, np.nan))


def _sum(x):
    return x.sum(axis=0)


def _dot(x, y):
    return np.einsum("ns,ns->s", x, y)
