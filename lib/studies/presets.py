"""Studies by name.  "paper": all runs of Bartoldson et al. 2024, Tables 1 and 2, Secs. 3.1 and 3.3.

The sets that it trains on have the names of the table, where --data does not give others.
"""

from collections.abc import Mapping, Sequence

from advlib.models.zoo import PAPER
from advlib.studies.grid import DataSet, Grid, Run, product

M = 1_000_000
MODELS = PAPER[:8]  # those that the laws are fitted to
# Table 1: FID, images generated, network, evaluations of it an image (2 N - 1 of N steps)
GENERATED = {
    "edm5": (35.54, 30 * M, "ddpmpp-128", 9),
    "edm6": (14.26, 30 * M, "ddpmpp-128", 11),
    "edm7": (6.79, 100 * M, "ddpmpp-128", 13),
    "edm10": (2.48, 30 * M, "ddpmpp-128", 19),
    "edm20": (1.82, 100 * M, "ddpmpp-128", 39),
    "pfgmpp18": (1.76, 100 * M, "ncsnpp-128", 35),
    "dg20": (1.65, 100 * M, "ddpmpp-128", 39),
}
# FLOPs of an evaluation on a 32x32 image of ten classes, as `advflops` counts them
EVALUATION = {"ddpmpp-128": 42_383_053_568.0, "ncsnpp-128": 42_791_861_760.0}
OF_OTHERS = (0.0, 0.0, 0.0)  # a mixture of sets has no images of its own
SAMPLES = (5 * M, 10 * M, 30 * M, 70 * M, 100 * M)
REAL, TEST = "cifar10-train", "cifar10-test"
MIX, MIXED, LONGEST = "mix", "mix-cifar", "mix-cifar-500M"
# the runs beyond the grid: 300M generated images in all, alone or with real ones among them
FINAL = (
    ("wrn-58-12", MIXED, 175 * M),
    ("wrn-82-12", MIXED, 150 * M),
    ("wrn-82-16", MIX, 300 * M),
    ("wrn-82-16", MIXED, 300 * M),
    ("wrn-82-8", MIXED, 341 * M),
    ("wrn-94-16", LONGEST, 500 * M),
)


def paper(sets: Mapping[str, Sequence[str]], real: str | None) -> Grid:
    """The paper's grid.  sets: of data sets by name, where they are not called so.  real: the set
    of real images that the final runs mix in.
    """

    def named(name: str) -> tuple[str, ...]:
        return tuple(sets.get(name, (name,)))

    def passes(*wanted: tuple[str, float]) -> tuple[str, ...]:
        return tuple(f"{one}={count:g}" for name, count in wanted for one in named(name))

    datasets = {
        name: DataSet(name, named(name), None, fid, (unique, evaluations, EVALUATION[network]))
        for name, (fid, unique, network, evaluations) in GENERATED.items()
    }
    real = real or REAL
    # a run sees 51,200 images an epoch of 50,000, and so a little more than the 300M that there are
    once = passes(("edm20", 1.025), ("dg20", 1.025), ("pfgmpp18", 1.025))
    datasets[MIX] = DataSet(MIX, once, fid=1.4, generated=OF_OTHERS)
    datasets[MIXED] = DataSet(MIXED, once, real, fid=1.4, generated=OF_OTHERS)
    longest = passes(("edm20", 1.5), ("dg20", 1.5), ("pfgmpp18", 2))
    datasets[LONGEST] = DataSet(LONGEST, longest, real, fid=1.4, generated=OF_OTHERS)
    runs: list[Run] = []
    for name, (_, unique, _, _) in GENERATED.items():
        runs += product(MODELS, [d for d in SAMPLES if d <= unique], [name], [0], {})
    for model, dataset, samples in FINAL:
        runs += product([model], [samples], [dataset], [0], {})
    return Grid(tuple(runs), datasets)


PRESETS = {"paper": paper}
