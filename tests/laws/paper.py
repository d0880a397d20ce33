"""The published laws, as the tests read them: numbers of the paper and of its official output."""

import json

import numpy as np

from advlib.laws.document import checked_fit
from advlib.laws.fitting.selection import underfit
from advlib.runs.bundled import open_bundled
from advlib.runs.reading import read_runs

QUALITY = ("edm7", "edm10", "edm20")  # data sets of the second stage of Approach 2

APPROACH2 = {
    "format": "advfit",
    "approach": 2,
    "reference_fid": 1.65,
    "parameters": {
        "A": 6.686980024,
        "alpha": 0.2443451932,
        "B": 7.551688898,
        "beta": 0.2281458937,
        "E": 0.5603731626,
        "eps": 0.1555244954,
        "zeta": -0.2767735799,
    },
}
APPROACH3 = {
    "format": "advfit",
    "approach": 3,
    "parameters": {
        "A": 6.00080741,
        "B": 7000.0,
        "E": 0.515022,
        "Q": 0.00659351,
        "alpha": 0.241841,
        "beta": 0.217406,
        "kappa": 0.604210,
        "eps": 0.0357335,
    },
}


INTERACTION = {  # fitted to the digitised runs
    "format": "advfit",
    "approach": 2,
    "variant": "interaction",
    "parameters": {
        "A": 2.3319,
        "alpha": 0.069365,
        "B": 3.1132,
        "beta": 0.089839,
        "E": 0.35248,
        "zeta": -0.0079696,
        "eps": 0.30870,
        "gamma": 0.23044,
    },
}


def published(approach):
    """The published fit, through JSON as a user would write it."""
    return checked_fit(json.loads(json.dumps({2: APPROACH2, 3: APPROACH3}[approach])), "published")


def law(approach, fid=1.65):
    """The published law at a FID."""
    fit = published(approach)
    return fit.law(fit.best, fid)


def runs(drop_underfit=True):
    """The digitised runs: 220, or the 168 that laws are fitted to."""
    table = read_runs([open_bundled("paper")], {})
    return table.take(np.flatnonzero(~underfit(table))) if drop_underfit else table


def of_datasets(rows, *names):
    """The rows of some data sets."""
    return rows.take(np.flatnonzero(np.isin(rows.names("dataset"), names)))
