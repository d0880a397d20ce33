"""Small runs of generators on the sets of small_runs, in this process."""

import pathlib
from typing import Any

import numpy as np

from advlib.generators.recipe import GeneratorRecipe
from advlib.generators.training import Samples, TrainingRun
from advlib.generators.training_setup import prepare

NETWORK = "ddpmpp-4x1"
RECIPE: dict[str, Any] = {
    "samples": 320,
    "batch": 32,
    "warmup": 64,
    "half_life": (500e3, 40.0),
    "snapshot_every": 150,
}
LINE = (
    f"advdiffuse {NETWORK} --data train --samples 320 --batch 32 --warmup 64 --half-life 500k"
    " --half-life 40 --snapshot-every 150 --device cpu"
)


def raw_sheet(path: str, samples: Samples, title: str) -> None:
    """A sheet that costs no time to draw: the pixels."""
    pathlib.Path(path).write_bytes(np.ascontiguousarray(samples.image).tobytes())


def small_run(folder: pathlib.Path, name: str, **changed: Any) -> TrainingRun:
    """A run on the set train of a folder, which logs every second step and saves at every one."""
    talk = {key: changed.pop(key) for key in ("say", "stop", "draw") if key in changed}
    network = changed.pop("network", NETWORK)
    run = prepare(
        str(folder / name),
        network,
        [str(folder / "train")],
        GeneratorRecipe(**(RECIPE | changed)),
        **talk,
    )
    run.plan.save_every, run.plan.log_every = -1.0, 2
    return run
