"""From settings to a run: sets opened and checked, model built, ranks joined."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from advlib.errors import CannotError, DataError
from advlib.jobs.hardware import MINUTE, Hardware
from advlib.jobs.memory import enough_memory, keep_memory
from advlib.jobs.precision import allow_tf32
from advlib.jobs.ranks import join
from advlib.models.network import build
from advlib.models.zoo import NORMALISATIONS, parse
from advlib.shards.reader import open_set
from advlib.training.data import (
    Images,
    open_training,
    recorded_distances,
    recorded_fid,
    require_same_form,
)
from advlib.training.loop import Run
from advlib.training.plan import Evaluations, Plan
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation, TrainingImages


def prepare(
    folder: str,
    model: str,
    data: TrainingImages,
    recipe: Mapping[str, Any],
    evaluation: Evaluation | None = None,
    hardware: Hardware | None = None,
    *,
    history: Mapping[str, Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    tick: Callable[[dict], None] = lambda row: None,
    say: Callable[[str], None] = lambda text: None,
) -> Run:
    """A run in `folder`, which is made if need be, ready to train.

    model: a name that zoo.parse reads.  recipe: settings of a Recipe by name; without samples, the
    run has the whole epochs that all passes over the sets hold.  history: an entry for the command
    line at work.  stop, tick, say: as Run takes them.

    Raises DataError for sets and settings that do not go together, CannotError for a missing GPU
    and a model that memory does not hold.
    """
    evaluation, hardware = evaluation or Evaluation(), hardware or Hardware()
    images = open_training(data.sets, data.real, data.share)
    test, validation = (
        open_set([name]) if name else None for name in (evaluation.test, evaluation.validation)
    )
    classes = require_same_form([*images.all, *filter(None, (test, validation))])
    settled = _recipe(recipe, images)
    order = images.order(settled)
    spec = parse(model)
    height, width, channels = images.sets[0].shape
    if height != width:
        raise DataError(f"{images.sets[0].name}: images of {height}x{width}; expected square ones")
    mean, std = (values[:channels] for values in NORMALISATIONS[data.normalisation])
    at = evaluation.epochs(settled.epochs)
    too_large = f"out of memory for the weights of {spec.name}: take a smaller model"
    torch.manual_seed(settled.seed)
    with enough_memory(too_large):
        network = build(spec, classes, height, mean, std)
    plan = Plan(
        order,
        images.all,
        evaluations=Evaluations(
            test,
            validation,
            at,
            evaluation.evaluate_images,
            evaluation.validate_every,
            evaluation.eval_precision,
        ),
        save_every=hardware.save_every * MINUTE,
        workers=hardware.workers,
        about=_about(folder, data, images, history),
    )
    ranks = join(hardware.device)
    if ranks.device.type == "cpu":
        keep_memory()
    allow_tf32(settled.precision == "tf32")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as err:
        raise CannotError(f"{folder}: {err.strerror}") from err
    with enough_memory(too_large):
        return Run(folder, network, settled, plan, ranks, stop=stop, tick=tick, say=say)


def _recipe(settings: Mapping[str, Any], images: Images) -> Recipe:
    """The recipe of a run of so many samples, or of the whole epochs that the sets hold."""
    if settings.get("samples") is not None:
        return Recipe(**settings)
    if images.samples is None:
        raise DataError("neither --samples nor passes over the set say how long the run is")
    recipe = Recipe(**{**settings, "samples": images.samples})
    whole = images.whole_batches(recipe.batch)
    epochs = max(1, whole * recipe.epochs // recipe.images)
    return replace(recipe, samples=epochs * recipe.epoch)


def _about(
    folder: str, data: TrainingImages, images: Images, history: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What header and checkpoints say of a run and its images."""
    sources = [entry for shards in images.all for entry in shards.history]
    distances = recorded_distances(images.sets)
    return {
        "run": os.path.basename(os.path.abspath(folder)),
        "dataset": data.name or " ".join(shards.name for shards in images.sets),
        "fid": recorded_fid(images.sets) if data.fid is None else data.fid,
        **({"distances": distances} if distances else {}),
        "history": [*sources, *([history] if history else [])],
    }
