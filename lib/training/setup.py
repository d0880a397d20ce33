"""From options to a run: sets opened and checked, model built, ranks joined."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import torch

from advlib.errors import CannotError, DataError
from advlib.jobs.devices import allow_tf32
from advlib.jobs.memory import enough_memory, keep_memory
from advlib.jobs.ranks import join
from advlib.models.network import build
from advlib.models.zoo import NORMALISATIONS, parse
from advlib.shards.reader import open_set
from advlib.training.data import Images, alike, open_training, recorded_fid
from advlib.training.loop import Plan, Run
from advlib.training.recipe import Recipe
from advlib.training.schedule import evaluation_epochs


def prepare(
    folder: str,
    model: str,
    data: Sequence[str],
    real: str | None,
    share: Fraction,
    test: str | None,
    validation: str | None,
    samples: float | None,
    evaluate: str | Sequence[int],
    *,
    evaluate_images: int | None = None,
    validate_every: int = 1,
    normalisation: str = "cifar10",
    device: str | None = None,
    workers: int = 0,
    save_every: int = 10,
    dataset: str | None = None,
    fid: float | None = None,
    history: dict | None = None,
    stop: Callable[[], bool] = lambda: False,
    tick: Callable[[dict], None] = lambda row: None,
    **recipe,
) -> Run:
    """A run in `folder`, ready to train; arguments as advtrain(1) has them.

    samples: None for the whole epochs that all passes over the sets hold.
    evaluate: "study", "end" or epochs.  fid: None for what the sets' history records.
    Raises DataError for sets and settings that do not go together, CannotError for a missing GPU
    and a model that memory does not hold.
    """
    images = open_training(data, real, share)
    checks = {
        name: open_set([spec])
        for name, spec in (("test", test), ("validation", validation))
        if spec
    }
    classes = alike([*images.all, *checks.values()])
    settings = _recipe(samples, images, recipe)
    order = images.order(settings)
    spec = parse(model)
    height, width, channels = images.sets[0].shape
    if height != width:
        raise DataError(f"{images.sets[0].name}: images of {height}x{width}; expected square ones")
    mean, std = (values[:channels] for values in NORMALISATIONS[normalisation])
    at = {"study": evaluation_epochs(settings.epochs), "end": [settings.epochs]}
    chosen = at[evaluate] if isinstance(evaluate, str) else evaluate
    if max(chosen, default=0) > settings.epochs:
        raise DataError(f"--evaluate {max(chosen)}: the run has {settings.epochs} epochs")
    too_large = f"out of memory for the weights of {spec.name}: take a smaller model"
    torch.manual_seed(settings.seed)
    with enough_memory(too_large):
        network = build(spec, classes, height, mean, std)
    sources = [entry for s in images.all for entry in s.history]
    about = {
        "run": os.path.basename(os.path.abspath(folder)),
        "dataset": dataset or " ".join(s.name for s in images.sets),
        "fid": recorded_fid(images.sets) if fid is None else fid,
        "history": [*sources, *([history] if history else [])],
    }
    plan = Plan(
        order,
        images.all,
        checks.get("test"),
        checks.get("validation"),
        frozenset(chosen),
        evaluate_images,
        validate_every,
        60.0 * save_every,
        workers=workers,
        about=about,
    )
    ranks = join(device)
    if ranks.device.type == "cpu":
        keep_memory()
    allow_tf32(settings.precision == "tf32")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as err:
        raise CannotError(f"{folder}: {err.strerror}") from err
    flops = spec.forward_flops(height, classes, channels)
    with enough_memory(too_large):
        return Run(folder, network, settings, plan, ranks, flops, stop, tick)


def _recipe(samples: float | None, images: Images, options: dict) -> Recipe:
    """The recipe of a run of `samples` images, or of the whole epochs that the sets hold."""
    given = images.samples if samples is None else samples
    if given is None:
        raise DataError("neither --samples nor passes over the set say how long the run is")
    recipe = Recipe(samples=given, **options)
    if samples is None:
        whole = images.whole_batches(recipe.batch)
        epochs = max(1, whole * recipe.epochs // recipe.images)
        recipe = replace(recipe, samples=epochs * recipe.epoch)
    return recipe
