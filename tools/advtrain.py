"""advtrain: train one classifier adversarially."""

import contextlib

import click

from advlib import cli
from advlib.jobs.hardware import Hardware
from advlib.models.zoo import NORMALISATIONS
from advlib.settings import settings_of
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation, TrainingImages


@click.command(cls=cli.Tool)
@click.argument("model")
@click.option(
    "--data",
    "sets",
    multiple=True,
    required=True,
    metavar="SET[=PASSES]",
    help="Training images: a shard set, and how often it is read; may be repeated, and the sets "
    "are read one after another. [default: a single set as often as needed, several once each]",
)
@click.option("--real", metavar="SET", help="Real images to mix into every batch.")
@cli.share_option
@cli.setting_options(Evaluation, ["test", "validation"])
@cli.setting_options(Recipe)
@cli.setting_options(
    Evaluation, ["evaluate", "evaluate_images", "validate_every", "eval_precision"]
)
@click.option(
    "--normalisation",
    type=click.Choice(list(NORMALISATIONS)),
    default=TrainingImages.normalisation,
    show_default=True,
    help="Mean and deviation that the model normalises by.",
)
@cli.setting_options(Hardware)
@click.option(
    "--dataset-name", metavar="NAME", help="Data set to name in the log. [default: the sets]"
)
@click.option("--fid", type=cli.Count(closed=True), help="FID of the images, for the log.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FOLDER",
    help="Folder of the run: its log, checkpoints and state.",
)
@cli.pixels_option
def main(model, sets, real, share, normalisation, dataset_name, fid, output, **options):
    """Train MODEL, as wrn-28-10, and log its learning curve.

    Hyperparameters that are not given are the paper's. Stopped by SIGTERM, Ctrl-C or a closed
    terminal, it saves its state; then, and after a kill, the same command line goes on. Under
    torchrun the ranks share every batch.
    """
    evaluation, hardware = (cli.take_settings(kind, options) for kind in (Evaluation, Hardware))
    recipe = {name: options[name] for name in settings_of(Recipe)}
    from advlib.jobs.ranks import leave
    from advlib.jobs.signals import StopRequest
    from advlib.training import setup

    asked = StopRequest()
    data = TrainingImages(sets, real, share, dataset_name, fid, normalisation)
    run = setup.prepare(
        output,
        model,
        data,
        recipe,
        evaluation,
        hardware,
        history=cli.history_entry(),
        stop=lambda: bool(asked),
        say=cli.note,
    )
    first, images = run.ranks.first, run.recipe.images
    if first and (samples := recipe["samples"]) and images > 1.1 * samples:
        cli.note(
            f"the run sees {images} images, not {samples:.0f}: its {run.recipe.epochs} epochs are"
            " whole batches; see --epoch and --batch"
        )
    with (
        asked.listening(),
        cli.training_meter(images) if first else contextlib.nullcontext(run.tick) as run.tick,
    ):
        finished = run.train()
    leave()
    if first and not finished:
        cli.note(f"stopped; its state is in {output}, and the same command line goes on")
    return 0 if finished else asked.status
