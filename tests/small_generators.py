"""Small runs of generators on the sets of small_runs, in this process."""

import pathlib
from typing import Any

import numpy as np
import torch

from advlib.generators.checkpoints import save
from advlib.generators.noise import Noise
from advlib.generators.preconditioning import Denoiser
from advlib.generators.recipe import GeneratorRecipe
from advlib.generators.spec import parse
from advlib.generators.training import Samples, TrainingRun
from advlib.generators.training_setup import prepare
from advlib.shards.chunk import Chunk
from advlib.shards.writer import Writer

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


JUDGING: dict[str, Any] = {
    "kind": "discriminator",
    "network": "adm-32x1",
    "warmup": 0,
    "half_life": (0.0,),
    "generated": ["made"],
    "extractor": "maps.safetensors",
}
JUDGE = (
    "advdiffuse adm-32x1 --kind discriminator --data train --against made"
    " --extractor maps.safetensors --samples 320 --batch 32 --snapshot-every 150 --device cpu"
)


def write_judged(folder: pathlib.Path) -> None:
    """What JUDGE reads beside the set train: a set made of grey, and a generator's maps."""
    rng = np.random.default_rng(1)
    with Writer(str(folder / "made"), chunk=50, classes=3) as writer:
        image = rng.integers(90, 130, (200, 8, 8, 3)).astype(np.uint8)
        writer.write(Chunk(image, np.arange(200) % 3, np.arange(200)))
    torch.manual_seed(3)
    save(folder / "maps.safetensors", Denoiser(parse(NETWORK, (3, 8, 8), 3)), Noise())


def raw_sheet(path: str, samples: Samples, title: str) -> None:
    """A sheet that costs no time to draw: the pixels."""
    pathlib.Path(path).write_bytes(np.ascontiguousarray(samples.image).tobytes())


def small_run(folder: pathlib.Path, name: str, **changed: Any) -> TrainingRun:
    """A run on the set train of a folder, which logs every second step and saves at every one."""
    more = ("say", "stop", "draw", "generated", "extractor")
    talk = {key: changed.pop(key) for key in more if key in changed}
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
