"""Whether any start of the published recipe ends below the minimum that the default recipe finds,
on simulated tables: python tests/bench/minimum.py [TABLES [EVERY]]

Uses the official grids; EVERY takes every so-manyth start of them (1 is all, and takes an hour).
"""

import itertools
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "laws"))
from fits import fit, ordered

from advlib.laws.fitting import published

from simulate import random_truth, table


def main(tables=20, every=1):
    below = 0
    for approach, seed in itertools.product((2, 3), range(tables)):
        rows = table(approach, random_truth(approach, seed), noise=0.005, seed=seed)
        if approach == 2:
            rows = rows.take(np.flatnonzero(np.array(rows["dataset"]) == "dg20"))
        rows = ordered(rows)
        if approach == 2:
            ours = fit(2, rows, variant="plain").stages[0]
            starts = list(itertools.product(*published.BASE_GRID))[::every]
            columns = (rows[name] for name in ("params", "samples", "loss"))
            theirs = published.base(*columns, starts=starts).objective
        else:
            ours = fit(3, rows).stages[0]
            starts = list(itertools.product(*published.SATURATING_GRID))[::every]
            columns = (rows[name] for name in ("params", "samples", "fid", "loss"))
            theirs = published.saturating(*columns, starts=starts).objective
        below += theirs < ours.objective * (1 - 1e-9)
        print(
            f"approach {approach}, table {seed}: default {ours.objective:.6e} from "
            f"{ours.reached} of {ours.starts} starts, published {theirs:.6e} over {len(starts)} "
            f"({theirs / ours.objective - 1:+.3%})",
            flush=True,
        )
    print(f"published below default in {below} of {2 * tables} tables")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
