"""advgen: sample images from a generator into shards."""

import contextlib

import click

from advlib import cli
from advlib.generators.settings import PRESETS, SamplingSettings
from advlib.jobs.precision import PRECISIONS
from advlib.settings import when_absent

# what decides no image: neither these nor the folder are in the set's history
APART = frozenset({"output", "device", "batch", "compile", "numbers", "chunk", "shard"})
OWN = when_absent("official")


@click.command(cls=cli.Tool)
@click.argument("checkpoint")
@click.option("--images", type=cli.Count(), required=True, metavar="N", help="Images of the set.")
@click.option(
    "--range",
    "numbers",
    callback=cli.image_range,
    metavar="FIRST:LAST",
    help="Sample these of the set's images alone, whole shards; LAST itself is not among them.",
)
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), help="A set of the study by name: solver, steps."
)
@cli.setting_options(SamplingSettings, levels="--level")
@cli.option(
    "--labels",
    "label",
    type=click.Choice(["balanced", "random"]),
    default="balanced",
    show_default=True,
    applies=OWN,
    help="Class of an image: its number modulo the classes, or drawn.",
)
@cli.seed_option
@click.option(
    "--official-seeds",
    "official",
    is_flag=True,
    help="Noise and classes as the public code draws them on a CPU: seed + number for each image.",
)
@click.option(
    "--dimensions",
    type=cli.Whole(3),
    metavar="N",
    help="Of PFGM++, where its official file does not say them, as 2048.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Of convolutions and matrix products of the network.",
)
@click.option(
    "--compile/--no-compile", default=False, help="Compile the network with torch.compile."
)
@click.option(
    "--batch",
    type=cli.Whole(1),
    metavar="N",
    help="Images at once on a rank. [default: on a GPU as many as fit, on a CPU 64]",
)
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:1. [default: a GPU, if any]")
@click.option("--chunk", type=cli.Whole(1), metavar="N", help="Images of a chunk. [default: 1000]")
@click.option(
    "--shard", type=cli.Whole(1), metavar="N", help="Images of a shard. [default: 100000]"
)
@cli.output_option
def main(checkpoint, numbers, preset, output, **options):
    """Sample the generator in CHECKPOINT, ours or an official one, into the set OUTPUT.

    Every image is a function of the checkpoint, the settings, the seed and its own number. Stopped
    or killed, the same command line goes on. Under torchrun the ranks share the images; apart,
    each --range writes its own shards of the one set.
    """
    cli.apply_preset(preset, PRESETS, options)
    settings = cli.take_settings(SamplingSettings, options)
    history = cli.deciding_command(APART)
    from advlib.generators import sampling_setup as setup
    from advlib.jobs.ranks import leave
    from advlib.jobs.signals import Signalled, StopRequest

    asked = StopRequest()
    images = round(options.pop("images"))
    if numbers:
        numbers = numbers[0], images if numbers[1] is None else numbers[1]
    options["chunk"] = options["chunk"] or setup.IMAGES_PER_CHUNK
    with cli.option_names():
        wanted = setup.Wanted(images, numbers, **options)
    try:
        with asked.listening(), contextlib.ExitStack() as stack:
            folder = stack.enter_context(cli.temporary_folder()) if output == "-" else None
            job = setup.prepare(
                checkpoint,
                settings,
                wanted,
                output,
                history,
                stack,
                temporary=folder,
                stop=asked.check,
                say=cli.note,
                meter=cli.search_meter,
            )
            if job:
                job.run(cli.sampling_meter, cli.note)
    except Signalled:
        cli.note(cli.stopped_sampling(output))
    leave()
    return asked.status if asked else 0
