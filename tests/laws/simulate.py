"""Tables drawn from a known law on the paper's own design: its models, sizes, FIDs."""

import math

import numpy as np

from advlib.laws.forms import form_of
from advlib.runs.table import Table

TRUTH2 = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 10.5,
    "beta": 0.24,
    "E": 0.48,
    "zeta": -0.25,
    "eps": 0.15,
}
TRUTH3 = {
    "A": 7.0,
    "alpha": 0.25,
    "B": 9000.0,
    "beta": 0.25,
    "E": 0.53,
    "Q": 0.007,
    "kappa": 0.68,
    "eps": 0.038,
}
TRUTH_INTERACTION = TRUTH2 | {"gamma": 0.4}
FIDS = {"edm7": 6.79, "edm10": 2.48, "edm20": 1.82, "pfgmpp18": 1.76, "dg20": 1.65}
PARAMS = (5849050, 8949210, 19799770, 52517850, 122217690, 177977562, 266796506, 316356058)
SAMPLES = (5.0176e6, 1.00352e7, 3.072e7, 7.168e7, 1.024e8)


def table(approach, truth, noise=0.0, seed=0, fids=FIDS, variant="") -> Table:
    """One run a model, size and data set; log-normal noise of deviation `noise` on the loss."""
    form = form_of(approach, variant)
    rng = np.random.default_rng(seed)
    rows = [(name, fid, n, d) for name, fid in fids.items() for n in PARAMS for d in SAMPLES]
    loss = [form.law(truth, fid, 7822.0).loss(n, d) for _, fid, n, d in rows]
    names, fid, params, samples = zip(*rows, strict=True)
    columns = {
        "run": [f"{name}-{n}-{d:.0f}" for name, _, n, d in rows],
        "dataset": list(names),
        "fid": np.array(fid),
        "params": np.array(params, float),
        "samples": np.array(samples, float),
        "loss": np.array(loss) * np.exp(noise * rng.standard_normal(len(rows))),
    }
    columns["flops"] = 7822.0 * columns["params"] * columns["samples"]
    return Table(columns, "simulated")


def on_design(rows: Table, approach, truth, noise, seed) -> Table:
    """The runs of `rows` (their N, D, FID) with losses drawn from a law."""
    form = form_of(approach)
    rng = np.random.default_rng(seed)
    sizes = zip(rows["fid"].tolist(), rows["params"], rows["samples"], strict=True)
    loss = np.array([form.law(truth, fid, 7822.0).loss(n, d) for fid, n, d in sizes])
    noisy = loss * np.exp(noise * rng.standard_normal(len(loss)))
    return Table({**rows.columns, "loss": noisy}, "simulated")


def random_truth(approach, seed) -> dict[str, float]:
    """A law near the published one."""
    rng = np.random.default_rng([approach, seed])
    truth = dict({2: TRUTH2, 3: TRUTH3}[approach])
    for name in ("alpha", "beta", "E"):
        truth[name] *= math.exp(rng.uniform(-0.25, 0.25))
    for name, exponent, center in (("A", "alpha", 1e8), ("B", "beta", 3e7)):
        base = {2: TRUTH2, 3: TRUTH3}[approach]
        change = (truth[exponent] - base[exponent]) * math.log(center)
        if approach == 3 and name == "B":
            continue
        truth[name] = base[name] * math.exp(change + rng.uniform(-0.2, 0.2))
    return truth


def learning_curves(seed=0, models=6):
    """Learning curves of a toy law with wobbles: 20 checkpoints a run."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(models):
        params = 5e6 * 3**i
        for step in range(1, 21):
            samples = 2.5e6 * step
            loss = 30 * params**-0.3 + 8 * samples**-0.2 + 0.5 + 0.002 * rng.standard_normal()
            rows.append((f"r{i}", params, samples, 5e7, 7822 * params * samples, loss))
    run, *numbers = zip(*rows, strict=True)
    names = ("params", "samples", "planned_samples", "flops", "loss")
    columns = {name: np.array(values) for name, values in zip(names, numbers, strict=True)}
    return Table({"run": list(run), **columns}, "curves")
