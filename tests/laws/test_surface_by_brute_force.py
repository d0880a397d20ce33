"""Every answer of random laws against the published formulas in 220 digits, or "never".

The formulas are written here anew; optima are sought by golden section, the rest solved outright.
"""

import math
import random
from functools import cache

import pytest
from mpmath import mp, mpf

from advlib.laws import limits, optimal, predict, trade
from advlib.laws.document import checked_fit

mp.dps = 220  # (u + c)^beta - c^beta loses 60 where samples no longer count
LAWS = 200  # of each form
GOLDEN = (mp.sqrt(5) - 1) / 2
FORMS = {"separable": (2, ""), "interacting": (2, "interaction"), "saturating": (3, "")}
HARDWARE = limits.Hardware(1e15, 1000, 0.4)


def drawn(form, seed):
    """A valid law, a FID, a budget, and a size over the optimum."""
    chance = random.Random(f"{form} {seed}")

    def between(low, high):
        return math.exp(chance.uniform(math.log(low), math.log(high)))

    p = {"A": between(0.1, 1e6), "alpha": between(0.05, 2), "B": between(1, 1e9)}
    p |= {"beta": between(0.05, 2), "E": between(0.01, 2)}
    if form == "saturating":
        p |= {"Q": between(1e-5, 1), "kappa": between(0.1, 2)}
        p["eps"] = chance.choice([between(1e-3, 0.3), -between(1e-3, 0.9) * p["E"] / 10])
    else:
        p |= {"zeta": chance.uniform(-0.5, 0.5), "eps": chance.uniform(-0.3, 0.3)}
    if form == "interacting":
        p["gamma"] = between(0.05, 3)
    fid = chance.choice([0.0, between(1e-3, 1e4)])
    return p, fid, between(1e10, 1e100), chance.choice([between(1e-3, 1), between(1, 10)])


class Truth:
    """The law by its formula: of log N and log D; inner terms are those before the power gamma."""

    def __init__(self, form, parameters, fid, k):
        self.p = {name: mpf(value) for name, value in parameters.items()}
        self.form, self.k, self.step = form, mpf(k), mp.log(1 + mpf(fid))
        p, self.c = self.p, mpf(0)
        self.power = 1 / p.get("gamma", mpf(1))
        if form == "saturating":
            self.B, self.E = p["B"], p["E"] + p["eps"] * self.step
            if fid:
                self.c = (p["Q"] * mpf(fid)) ** (p["kappa"] / p["beta"])
        else:
            self.B = (p["B"] * mp.exp(p["zeta"] * self.step)) ** (1 / p["beta"])
            self.E = p["E"] * mp.exp(p["eps"] * self.step)

    def model(self, n):
        return (self.p["A"] * mp.exp(-self.p["alpha"] * n)) ** self.power

    def data(self, d):
        return (self.B * mp.exp(-d) + self.c) ** (self.p["beta"] * self.power)

    @property
    def saturation(self):
        return self.c ** (self.p["beta"] * self.power)

    def loss(self, n, d):
        return (self.model(n) + self.data(d) + self.E**self.power) ** (1 / self.power)

    @property
    def floor(self):
        return (self.saturation + self.E**self.power) ** (1 / self.power)

    def optimum(self, flops):
        """log N and log D of the least loss, by golden section; it is that of the inner terms."""
        whole = mp.log(mpf(flops) / self.k)
        low, high = mpf(-3000), mpf(3000)

        def inner(n):
            return self.model(n) + self.data(whole - n) - self.saturation

        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        fa, fb = inner(a), inner(b)
        while high - low > mpf(10) ** -12:
            if fa < fb:
                high, b, fb = b, a, fa
                a = high - GOLDEN * (high - low)
                fa = inner(a)
            else:
                low, a, fa = a, b, fb
                b = low + GOLDEN * (high - low)
                fb = inner(b)
        return (low + high) / 2, whole - (low + high) / 2

    def multiple(self, n, d, size):
        """Samples over D with which a model of `size` times N reaches the loss; inf for never."""
        rest = self.model(n) + self.data(d) - self.model(n + mp.log(size))
        if rest <= self.saturation:
            return mp.inf
        return self.B / (rest ** (1 / (self.p["beta"] * self.power)) - self.c) / mp.exp(d)


def same(found, expected, tolerance=1e-6):
    """A number of a row against the truth: to 1e-6, of counts below 2^53 to the whole number."""
    if found == "never":
        return not mp.isfinite(expected) or expected > mp.exp(700)
    return abs(mpf(found) - expected) <= tolerance * abs(expected) or (
        isinstance(found, int) and abs(found - expected) <= 0.501
    )


@cache
def case(form, seed):
    parameters, fid, flops, size = drawn(form, seed)
    approach, variant = FORMS[form]
    document = {"format": "advfit", "approach": approach, "parameters": parameters}
    fit = checked_fit(document | ({"variant": variant} if variant else {}))
    truth = Truth(form, parameters, fid, fit.k)
    return fit, truth, truth.optimum(flops), fid, flops, size


laws = pytest.mark.parametrize("form", FORMS)


@laws
def test_optima(form):
    for seed in range(LAWS):
        fit, truth, (n, d), fid, flops, _ = case(form, seed)
        (row,) = optimal.optimum_rows([fit], [flops], [fid])
        expected = {"params": mp.exp(n), "samples": mp.exp(d), "loss": truth.loss(n, d)}
        for name, value in expected.items():
            assert same(row[name], value), (seed, name)
        assert row["a"] + row["b"] == pytest.approx(1, abs=1e-12)


@laws
def test_data_that_other_sizes_need(form):
    never = 0
    for seed in range(LAWS):
        fit, truth, (n, d), fid, flops, size = case(form, seed)
        (row,) = trade.trade_rows([fit], [flops], [size], [fid])
        expected = truth.multiple(n, d, size)
        never += row["data_multiple"] == "never"
        assert same(row["data_multiple"], expected), seed
        if mp.isfinite(expected):
            assert same(row["overhead"], size * expected - 1, 1e-5) or row["overhead"] < 1e-9, seed
    assert never < LAWS


@laws
def test_smallest_sizes(form):
    for seed in range(LAWS):
        fit, truth, (n, d), fid, flops, _ = case(form, seed)
        (row,) = trade.smallest_rows([fit], [flops], [0.1], [fid])
        size = mpf(row["size"])
        if size > mp.exp(-59):
            assert same(float(size * truth.multiple(n, d, size)), mpf(1.1)), seed


@laws
def test_what_another_size_wastes_is_what_the_optimum_would_not_have_spent(form):
    for seed in range(0, LAWS, 3):
        fit, truth, (n, _), fid, flops, size = case(form, seed)
        params = float(mp.exp(n)) * size
        if not 1e-90 < params < 1e90:
            continue
        (row,) = trade.fixed_size_rows([fit], [flops], [params], [fid])
        log_n = mp.log(params)
        log_d = mp.log(mpf(flops) / truth.k) - log_n
        assert same(row["loss"], truth.loss(log_n, log_d)), seed
        least = (1 - mpf(row["compute_wasted"])) * flops
        if row["compute_wasted"] < 1 - 1e-6:
            inner = [
                truth.model(a) + truth.data(b) - truth.saturation
                for a, b in ((log_n, log_d), truth.optimum(least))
            ]
            assert abs(inner[0] / inner[1] - 1) < 1e-6, seed


@laws
def test_targets(form):
    for seed in range(LAWS):
        fit, truth, (n, d), fid, _, _ = case(form, seed)
        loss = float(truth.loss(n, d))
        (row,) = limits.target_rows([fit], [loss], [], HARDWARE, [fid])
        over = (mpf(loss) - truth.floor) / truth.floor
        if row["flops"] == "never":
            assert over < 1e-15, seed
        elif over > 1e-6:  # nearer to the floor float64 does not tell the target from it
            found = truth.loss(*truth.optimum(row["flops"])) - truth.floor
            assert abs(found / (mpf(loss) - truth.floor) - 1) < 1e-6, seed


@laws
def test_nothing_reaches_the_floor(form):
    for seed in range(LAWS):
        fit, truth, _, fid, _, _ = case(form, seed)
        (row,) = limits.ceiling_rows([fit], [fid])
        assert same(row["loss"], truth.floor), seed
        (row,) = limits.target_rows([fit], [row["loss"]], [], HARDWARE, [fid])
        assert row["flops"] == row["samples"] == row["years"] == "never", seed


@laws
def test_the_worst_quality_with_which_a_budget_reaches_a_target(form):
    """Better data than it reach the loss that the law has at a known FID, worse data do not."""
    found = 0
    for seed in range(0, LAWS, 5):
        parameters, fid, flops, _ = drawn(form, seed)
        fit, truth, (n, d), *_ = case(form, seed)
        target = float(truth.loss(n, d)) * (1 + 1e-9)
        (row,) = limits.quality_rows([fit], [flops], [target], [])
        assert row["fid"] != "never" and row["fid"] >= fid * (1 - 1e-6), seed
        at = Truth(form, parameters, row["fid"], fit.k)
        assert at.loss(*at.optimum(flops)) <= target * (1 + mpf(10) ** -6), seed
        if row["fid"] < limits.WORST_FID * 0.99:
            beyond = Truth(form, parameters, row["fid"] * 1.01 + 1e-6, fit.k)
            holds = beyond.E >= 0
            assert not holds or beyond.loss(*beyond.optimum(flops)) > target * (1 - 1e-6), seed
            found += 1
    assert found > 3


@laws
def test_losses_of_runs(form):
    for seed in range(LAWS):
        fit, truth, (n, d), fid, _, size = case(form, seed)
        params, samples = float(mp.exp(n)) * size, float(mp.exp(d))
        (row,) = predict.prediction_rows([fit], [params], [samples], [fid])
        assert same(row["loss"], truth.loss(mp.log(params), mp.log(samples))), seed


def test_power_laws_of_the_envelope():
    for seed in range(LAWS):
        chance = random.Random(seed)
        p = {"n0": chance.uniform(-6, 3), "a": chance.uniform(0.1, 0.9)}
        p |= {"d0": chance.uniform(-6, 3), "b": chance.uniform(0.1, 0.9)}
        p |= {"l0": chance.uniform(0.5, 9), "c": chance.choice([0.0, chance.uniform(0.005, 0.2)])}
        fit = checked_fit({"format": "advfit", "approach": 1, "parameters": p})
        flops = 10 ** chance.uniform(10, 100)
        (row,) = optimal.optimum_rows([fit], [flops])
        c = mpf(flops)
        assert same(row["params"], mpf(10) ** p["n0"] * c ** mpf(p["a"])), seed
        assert same(row["samples"], mpf(10) ** p["d0"] * c ** mpf(p["b"])), seed
        assert same(row["loss"], p["l0"] * c ** -mpf(p["c"])), seed
        (row,) = limits.target_rows([fit], [row["loss"]], [], HARDWARE)
        expected = c if p["c"] else mp.inf
        assert same(row["flops"], expected, 1e-6 if p["c"] > 0.02 else 1e-4), seed
