"""The published laws, as the tests read them: numbers of the paper and of its official output."""

import json

import numpy as np

from advlib.laws.document import read_fit
from advlib.runs import bundled, select
from advlib.runs.table import read_tables

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


def published(approach):
    """The published fit, through JSON as a user would write it."""
    return read_fit("published", json.loads(json.dumps({2: APPROACH2, 3: APPROACH3}[approach])))


def runs(drop_underfit=True):
    """The digitised runs: 220, or the 168 that laws are fitted to."""
    table = read_tables([bundled.open_bundled("paper")], {}, ("params", "samples", "loss"))
    return table.take(np.flatnonzero(~select.underfit(table))) if drop_underfit else table
