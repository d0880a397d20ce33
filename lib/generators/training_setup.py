"""From settings to a generator's run: the set opened and checked, network built, ranks joined."""

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch

from advlib.errors import CannotError, DataError
from advlib.generators.denoising import Denoising
from advlib.generators.recipe import GeneratorRecipe, TrainingRecipe
from advlib.generators.training import Draw, Objective, TrainingRun
from advlib.jobs.hardware import MINUTE, Hardware
from advlib.jobs.memory import enough_memory, keep_memory
from advlib.jobs.precision import allow_tf32
from advlib.jobs.ranks import join
from advlib.shards.order import Order, Part
from advlib.shards.reader import ShardSet, open_set
from advlib.shards.reading_plan import ReadingPlan


def prepare(
    folder: str,
    network: str,
    sets: Sequence[str],
    recipe: GeneratorRecipe,
    hardware: Hardware | None = None,
    *,
    name: str | None = None,
    history: Mapping[str, Any] | None = None,
    draw: Draw | None = None,
    stop: Callable[[], bool] = lambda: False,
    tick: Callable[[dict], None] = lambda row: None,
    say: Callable[[str], None] = lambda text: None,
) -> TrainingRun:
    """A generator's run in `folder`, which is made if need be, ready to train.

    network: a name that spec.parse reads.  sets: names of shard sets, read as one.  name: of the
    data set, by default those.  history: an entry for the command line at work.  draw, stop, tick,
    say: as TrainingRun takes them.

    Raises DataError for sets and settings that do not go together, CannotError for a missing GPU
    and a network that memory does not hold.
    """
    images = open_set(list(sets))
    height, width, channels = images.shape
    if recipe.conditional and images.classes is None:
        raise DataError(
            f"{images.name}: does not say how many classes it has; pack it anew with --classes, or"
            " train with --no-conditional"
        )
    too_large = f"out of memory for the weights of {network}: take a smaller network"
    torch.manual_seed(recipe.seed)
    with enough_memory(too_large):
        made = Denoising(network, (channels, height, width), images.classes or 0, recipe)
    about = {
        "run": os.path.basename(os.path.abspath(folder)),
        "dataset": name or images.name,
        "history": [*images.history, *([history] if history else [])],
        **({"class_names": list(images.class_names)} if images.class_names else {}),
    }
    hardware = hardware or Hardware()
    plan = plan_of(images, recipe, hardware, about)
    return start(folder, made, recipe, plan, hardware, draw=draw, stop=stop, tick=tick, say=say)


def plan_of(
    images: ShardSet, recipe: TrainingRecipe, hardware: Hardware, about: dict[str, Any]
) -> ReadingPlan:
    """The plan of reading a set as often as a run needs.  Raises DataError for an empty set."""
    if not len(images):
        raise DataError(f"{images.name}: no images")
    passes = Fraction(recipe.images, len(images)) + 1
    part = Part(images.chunk_sizes, passes, images.name, images.digest)
    order = Order([part], recipe.batch, recipe.seed)
    every = hardware.save_every * MINUTE
    return ReadingPlan(order, [images], every, workers=hardware.workers, about=about)


def start(
    folder: str,
    objective: Objective,
    recipe: TrainingRecipe,
    plan: ReadingPlan,
    hardware: Hardware,
    **talk: Any,
) -> TrainingRun:
    """The run of an objective: ranks joined, memory and precision set, the folder made.

    talk: draw, stop, tick and say, as TrainingRun takes them.
    """
    ranks = join(hardware.device)
    if ranks.device.type == "cpu":
        keep_memory()
    allow_tf32(recipe.precision == "tf32")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as err:
        raise CannotError(f"{folder}: {err.strerror}") from err
    with enough_memory("out of memory for the weights and their averages: take a smaller network"):
        return TrainingRun(folder, objective, recipe, plan, ranks, **talk)
