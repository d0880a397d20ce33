"""advdiffuse: train a generator of images, EDM or PFGM++, or a discriminator that guides one."""

import contextlib

import click

from advlib import cli
from advlib.generators.recipe import GeneratorRecipe
from advlib.jobs.hardware import Hardware
from advlib.settings import when

JUDGING = when(kind="discriminator")


@click.command(cls=cli.Tool)
@click.argument("network")
@click.option(
    "--data",
    "sets",
    multiple=True,
    required=True,
    metavar="SET",
    help="Training images: a shard set; may be repeated, and the sets are read as one.",
)
@cli.option(
    "--against",
    "generated",
    multiple=True,
    metavar="SET",
    applies=JUDGING,
    help="Images that advgen made, which a discriminator learns to tell from those; may be"
    " repeated.",
)
@cli.option(
    "--extractor",
    metavar="FILE",
    applies=JUDGING,
    help="Checkpoint of the network whose maps a discriminator judges.",
)
@cli.setting_options(GeneratorRecipe, augment="--augment-probability")
@cli.setting_options(Hardware)
@click.option(
    "--dataset-name", metavar="NAME", help="Data set to name in the log. [default: the sets]"
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FOLDER",
    help="Folder of the run: its log, checkpoints, sheets and state.",
)
def main(network, sets, generated, extractor, dataset_name, output, **options):
    """Train NETWORK, as ddpmpp-128 or ddpmpp-32x1, to make images like those of the sets.

    With --kind discriminator NETWORK, as adm-128, learns to tell them from generated ones.
    Hyperparameters that are not given are those of the public code for CIFAR-10. Stopped by
    SIGTERM, Ctrl-C or a closed terminal, it saves its state; then, and after a kill, the same
    command line goes on. Under torchrun the ranks share every batch.
    """
    recipe, hardware = (cli.take_settings(kind, options) for kind in (GeneratorRecipe, Hardware))
    from advlib.generators.training_setup import prepare
    from advlib.jobs.ranks import leave
    from advlib.jobs.signals import StopRequest

    asked = StopRequest()
    run = prepare(
        output,
        network,
        sets,
        recipe,
        hardware,
        generated=generated,
        extractor=extractor,
        name=dataset_name,
        history=cli.history_entry(),
        draw=cli.draw_samples,
        stop=lambda: bool(asked),
        say=cli.note,
    )
    first = run.ranks.first
    meter = cli.training_meter(recipe.images, "snapshot") if first else contextlib.nullcontext()
    with asked.listening(), meter as tick:
        run.tick = tick or run.tick
        finished = run.train()
    leave()
    if first and not finished:
        cli.note(f"stopped; its state is in {output}, and the same command line goes on")
    return 0 if finished else asked.status
