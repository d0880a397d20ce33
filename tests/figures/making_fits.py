"""Fits of each approach with draws and runs, and what is read from a figure of them."""

import math

import numpy as np
import pytest

from advlib.humans.score_table import Score
from advlib.laws.document import checked_fit
from advlib.laws.intervals import percentile_interval
from advlib.runs.table import Table

LAW = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 9000.0,
    "beta": 0.25,
    "E": 0.53,
    "Q": 0.007,
    "kappa": 0.68,
    "eps": 0.038,
}

SEPARABLE = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 10.5,
    "beta": 0.22,
    "E": 0.48,
    "zeta": -0.25,
    "eps": 0.15,
}

POWER = {"n0": -3.1, "a": 0.56, "d0": -0.76, "b": 0.43, "l0": 3.8, "c": 0.035}

FIDS = {"good": 1.65, "bad": 14.26}

ROLES = ("fitted", "fitted", "not fitted", "left out", "held out")

RANGE = [1e18, 1e26]


def with_draws(law, count=30):
    rng = np.random.default_rng(1)
    return {key: (v * np.exp(0.03 * rng.standard_normal(count))).tolist() for key, v in law.items()}


def fit2(**extra):
    return checked_fit({"format": "advfit", "approach": 2, "parameters": SEPARABLE, **extra}, "two")


def fit3(**extra):
    """Approach 3 on three models, two data sets and five sizes, with draws, roles, accuracies."""
    bare = checked_fit({"format": "advfit", "approach": 3, "parameters": LAW}, "three")
    rows = [
        (f"wrn-{i}", name, fid, params, samples, role)
        for i, params in enumerate((6e6, 5e7, 3e8))
        for name, fid in FIDS.items()
        for samples, role in zip((5e6, 1e7, 3e7, 7e7, 1e8), ROLES, strict=True)
    ]
    rng = np.random.default_rng(0)
    loss = [
        bare.law(bare.best, fid).loss(n, d) * math.exp(0.01 * rng.standard_normal())
        for _, _, fid, n, d, _ in rows
    ]
    names = ("model", "dataset", "fid", "params", "samples", "role")
    data = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    data |= {"loss": loss, "flops": [7822.0 * n * d for _, _, _, n, d, _ in rows]}
    data["accuracy"] = [1.25 - 0.75 * value for value in loss]
    document = {
        "format": "advfit",
        "approach": 3,
        "parameters": LAW,
        "draws": with_draws(LAW),
        "data": data,
        "residuals": [0.01, -0.02, 0.005],
        "objective": {"delta": 0.001},
        "datasets": [{"dataset": name, "fid": fid} for name, fid in FIDS.items()],
    }
    return checked_fit(document | extra, "three")


def fit1(**extra):
    flops = np.geomspace(1e18, 1e20, 12)
    envelope = {
        "flops": flops.tolist(),
        "loss": (3.8 * flops**-0.035 * np.exp(0.01 * np.sin(flops))).tolist(),
        "params": (10**-3.1 * flops**0.56).tolist(),
        "samples": (10**-0.76 * flops**0.43).tolist(),
    }
    document = {
        "format": "advfit",
        "approach": 1,
        "parameters": POWER,
        "envelope": envelope,
        "draws": with_draws(POWER),
        "datasets": [{"dataset": "good", "fid": 1.65}],
        "r2": {"loss": 0.99, "params": 0.9, "samples": 0.8},
    }
    return checked_fit(document | extra, "one")


def table(**columns):
    values = {k: v if isinstance(v[0], str) else np.array(v, float) for k, v in columns.items()}
    return Table(values, "runs.csv")


RUNS = table(
    params=[1e8, 2e8, 3e8],
    samples=[1e8, 1e8, 1e8],
    accuracy=[0.7, np.nan, np.nan],
    autoattack=[0.69, 0.71, np.nan],
    loss=[0.75, 0.74, 0.73],
    fid=[1.65, 1.65, 14.26],
)


def score(judge, condition, confidence, accuracy=0.5):
    """A row of advscore with the interval .1 about its accuracy."""
    text = {"judge": judge, "kind": "human", "condition": condition, "confidence": confidence}
    return Score(text, accuracy, accuracy - 0.1, accuracy + 0.1)


EVERY = {
    "limits": ([fit3()], {"flops": RANGE}),
    "envelope": ([fit1()], {"runs": RUNS}),
    "optimum": ([fit3()], {"datasets": ["good", "bad"]}),
    "fits": ([fit3()], {}),
    "region": ([fit1(), fit3()], {}),
    "overhead": ([fit3()], {"flops": [1e20, 1e24]}),
    "accuracy": ([fit3()], {}),
    "sizes": ([fit2(), fit3()], {"flops": RANGE}),
    "residuals": ([fit3()], {}),
    "humans": (
        [
            score(judge, condition, confidence)
            for judge in ("ann", "a model of a long name")
            for condition in ("adversarial", "clean")
            for confidence in ("all", "low", "higher")
        ],
        {},
    ),
}


def curve(axes, start):
    """x and y of the line whose label starts so."""
    (line,) = (line for line in axes.lines if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def bands(axes):
    """x, low and high of each filled band."""
    out = []
    for patch in axes.collections:
        if patch.get_label() == "_95 % interval":
            points = patch.get_paths()[0].vertices
            xs = np.unique(points[:, 0])
            at = [points[points[:, 0] == x, 1] for x in xs]
            out.append((xs, np.array([y.min() for y in at]), np.array([y.max() for y in at])))
    return out


def interval(fit, read, xs):
    return np.array([percentile_interval([read(m, x) for m in fit.draws]) for x in xs]).T


def approx(values):
    return pytest.approx(np.asarray(values, float), rel=1e-9)
