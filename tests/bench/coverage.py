"""How often the 95 % intervals hold the truth, over simulated studies of the paper's design.

Each study has the paper's 168 runs (their N, D and FID) with losses drawn from a law near the
published one and log-normal scatter as large as the residuals of the paper's runs.  It is fitted,
and each number that users act on is looked up in its percentile interval.

    python tests/bench/coverage.py [STUDIES [DRAWS]]
"""

import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "laws"))
from fits import fit, ordered

from advlib.laws.forms import form_of
from advlib.laws.intervals import percentile_interval

from paper import runs
from simulate import on_design, random_truth

SCATTER = 0.005  # of log loss; 1.4826 times the median |residual| of the paper's runs is 0.0047
KINDS = {"3": (3, None), "2 joint": (2, "joint"), "2 two-stage": (2, None)}
FLOPS = 1e22


def quantities(approach, parameters) -> dict[str, float]:
    """What users act on, at the best data set's FID and the budget FLOPS."""
    form = form_of(approach)
    law = form.law(parameters, 1.65, 7822.0)
    best = law.optimum(FLOPS)
    return {
        "a": best.a,
        "log N*": np.log(best.params),
        "loss at 1e22": best.loss,
        "floor at 1.65": law.floor,
        "floor at 0": form.law(parameters, 0.0, 7822.0).floor,
        "alpha": parameters["alpha"],
        "beta": parameters["beta"],
    }


def study(kind, seed, draws):
    """Which quantities the intervals of one study hold."""
    approach, variant = KINDS[kind]
    truth = random_truth(approach, seed)
    rows = runs()
    rows = on_design(ordered(rows), approach, truth, SCATTER, seed)
    drawn = fit(approach, rows, variant=variant, bootstrap=draws, seed=seed).draws
    members = [{name: values[i] for name, values in drawn.items()} for i in range(draws)]
    found = [quantities(approach, member) for member in members]
    held = {}
    for name, true in quantities(approach, truth).items():
        low, high = percentile_interval([q[name] for q in found])
        held[name] = low <= true <= high
    return held


def main(studies=200, draws=400):
    for kind in KINDS:
        start = time.time()
        held = [study(kind, seed, draws) for seed in range(studies)]
        share = {name: np.mean([h[name] for h in held]) for name in held[0]}
        shown = "  ".join(f"{name} {value:.3f}" for name, value in share.items())
        took = time.time() - start
        print(f"approach {kind}: {studies} studies, {took:.0f} s: {shown}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
