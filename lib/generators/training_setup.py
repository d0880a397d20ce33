"""From settings to a run: the sets opened and checked, the network built, ranks joined."""

import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch

from advlib.errors import CannotError, DataError
from advlib.generators.denoising import Denoising
from advlib.generators.discrimination import Discrimination
from advlib.generators.extractor import load_extractor
from advlib.generators.recipe import GeneratorRecipe, TrainingRecipe
from advlib.generators.training import Draw, Objective, TrainingRun
from advlib.jobs.files import file_sha256
from advlib.jobs.hardware import MINUTE, Hardware
from advlib.jobs.memory import enough_memory, keep_memory
from advlib.jobs.precision import allow_tf32
from advlib.jobs.ranks import join
from advlib.shards.chunk import shape_text
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
    generated: Sequence[str] = (),
    extractor: str | None = None,
    name: str | None = None,
    history: Mapping[str, Any] | None = None,
    draw: Draw | None = None,
    stop: Callable[[], bool] = lambda: False,
    tick: Callable[[dict], None] = lambda row: None,
    say: Callable[[str], None] = lambda text: None,
) -> TrainingRun:
    """A run in `folder`, which is made if need be, ready to train.

    network: a name that spec.parse reads, of a discriminator one for discriminator.parse_head.
    sets: names of shard sets, read as one.  generated, extractor: of a discriminator the sets that
    it learns to tell from those, and the file of the network whose maps it judges.  name: of the
    data set, by default those of `sets`.  history: an entry for the command line at work.  draw,
    stop, tick, say: as TrainingRun takes them.

    Raises DataError for sets and settings that do not go together, CannotError for a missing GPU
    and a network that memory does not hold.
    """
    images, others = open_set(list(sets)), None
    if recipe.kind == "discriminator":
        others = _opened_generated(generated, images, recipe)
    classes = _classes([images, *([others] if others else [])], recipe)
    order = _order(images, others, recipe)
    torch.manual_seed(recipe.seed)
    with enough_memory(f"out of memory for the weights of {network}: take a smaller network"):
        objective: Objective
        if others is None:
            height, width, channels = images.shape
            objective = Denoising(network, (channels, height, width), classes, recipe)
        else:
            objective = _discrimination(network, images, extractor, classes, recipe, order)
    read = [*([others] if others else []), images]
    past = {repr(entry): entry for shards in read for entry in shards.history}
    about = {
        "run": os.path.basename(os.path.abspath(folder)),
        "dataset": name or images.name,
        **({"generated": others.name} if others else {}),
        "history": [*past.values(), *([history] if history else [])],
        **({"class_names": list(images.class_names)} if images.class_names else {}),
    }
    hardware = hardware or Hardware()
    every = hardware.save_every * MINUTE
    plan = ReadingPlan(order, read, every, workers=hardware.workers, about=about)
    return start(
        folder, objective, recipe, plan, hardware, draw=draw, stop=stop, tick=tick, say=say
    )


def _opened_generated(names: Sequence[str], images: ShardSet, recipe: GeneratorRecipe) -> ShardSet:
    """The generated images of a discriminator."""
    if not names:
        raise DataError("--against: found none; expected a set of images that advgen made")
    found = open_set(list(names))
    if found.shape != images.shape:
        raise DataError(
            f"{found.name}: images of {shape_text(found.shape)}; {images.name} has"
            f" {shape_text(images.shape)}"
        )
    return found


def _discrimination(
    network: str,
    images: ShardSet,
    path: str | None,
    classes: int,
    recipe: GeneratorRecipe,
    order: Order,
) -> Discrimination:
    if path is None:
        raise DataError("--extractor: found none; expected the network whose maps are judged")
    extractor, (height, width, channels) = load_extractor(path), images.shape
    if extractor.shape != (channels, height, width):
        taken = (*extractor.shape[1:], extractor.shape[0])
        raise DataError(
            f"{path}: takes images of {shape_text(taken)}; {images.name} has"
            f" {shape_text(images.shape)}"
        )
    return Discrimination(network, extractor, file_sha256(path), classes, recipe, order.is_real)


def _classes(sets: Sequence[ShardSet], recipe: GeneratorRecipe) -> int:
    """How many classes the network is told of, which all sets agree on."""
    if not recipe.conditional:
        return 0
    for shards in sets:
        if shards.classes is None:
            raise DataError(
                f"{shards.name}: does not say how many classes it has; pack it anew with"
                " --classes, or train with --no-conditional"
            )
        if shards.classes != sets[0].classes:
            raise DataError(
                f"{shards.name}: of {shards.classes} classes; {sets[0].name} has {sets[0].classes}"
            )
    return sets[0].classes or 0


def _order(images: ShardSet, generated: ShardSet | None, recipe: TrainingRecipe) -> Order:
    """The order of reading a set as often as a run needs, or two by halves of every batch."""
    for shards in filter(None, (images, generated)):
        if not len(shards):
            raise DataError(f"{shards.name}: no images")

    def part(shards: ShardSet, share: Fraction) -> Part:
        passes = recipe.images * share / len(shards) + 1
        return Part(shards.chunk_sizes, passes, shards.name, shards.digest)

    if generated is None:
        return Order([part(images, Fraction(1))], recipe.batch, recipe.seed)
    half = Fraction(1, 2)
    real = part(images, half)
    return Order([part(generated, half)], recipe.batch, recipe.seed, real, half)


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
