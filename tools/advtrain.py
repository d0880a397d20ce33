"""advtrain: train one classifier adversarially."""

import contextlib
import signal
from fractions import Fraction

import click
from click.core import ParameterSource

from advlib import cli

STOPPED = 143  # what a shell reports of a process that SIGTERM ended
NEEDS = {
    "share": "real",
    "evaluate": "test",
    "evaluate_images": "test",
    "validate_every": "validation",
}


def _share(context, param, value):
    try:
        share = Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"found {value!r}; expected a fraction, as 1/8") from None
    if not 0 < share < 1:
        raise click.BadParameter(f"found {value!r}; expected above 0 and below 1")
    return share


def _epochs(context, param, value):
    if value in ("study", "end"):
        return value
    parts = value.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise click.BadParameter(f"found {value!r}; expected study, end, or epochs, as 0,10,20")
    return sorted({int(part) for part in parts})


def _check_needs(context):
    for option, other in NEEDS.items():
        given = context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        if given and not context.params[other]:
            raise click.UsageError(f"--{option.replace('_', '-')} needs --{other}")


@click.command(cls=cli.Tool)
@click.argument("model")
@click.option(
    "--data",
    "data",
    multiple=True,
    required=True,
    metavar="SET[=PASSES]",
    help="Training images: a shard set, and how often it is read; may be repeated, and the sets "
    "are read one after another. [default: a single set as often as needed, several once each]",
)
@click.option("--real", metavar="SET", help="Real images to mix into every batch.")
@click.option(
    "--share",
    default="1/8",
    show_default=True,
    callback=_share,
    metavar="FRACTION",
    help="Share of real images in a batch.",
)
@click.option("--test", metavar="SET", help="Images of the evaluations in the log.")
@click.option("--validation", metavar="SET", help="Images that choose the best checkpoint.")
@click.option(
    "--samples",
    type=cli.Count(),
    help="Images to see, as 5M. [default: as many whole epochs as the passes give]",
)
@cli.recipe_options
@cli.seed_option
@click.option(
    "--evaluate",
    default="study",
    show_default=True,
    callback=_epochs,
    metavar="EPOCHS",
    help="When to evaluate: study (40 times, the early and the last epochs), end, or epochs, as "
    "0,50,100; 0 is before training.",
)
@click.option(
    "--evaluate-images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Evaluate on the first N test images. [default: all]",
)
@click.option(
    "--validate-every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Epochs between checks on the validation images.",
)
@click.option(
    "--normalisation",
    type=click.Choice(["cifar10", "cifar100", "svhn", "none"]),
    default="cifar10",
    show_default=True,
    help="Mean and deviation that the model normalises by.",
)
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:1. [default: a GPU, if any]")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Processes that read images, beside each rank.",
)
@click.option(
    "--save-every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="Minutes between saves of the state.",
)
@click.option("--dataset", metavar="NAME", help="Data set to name in the log. [default: the sets]")
@click.option("--fid", type=cli.Count(closed=True), help="FID of the images, for the log.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FOLDER",
    help="Folder of the run: its log, checkpoints and state.",
)
def main(model, data, real, share, test, validation, samples, evaluate, output, **options):
    """Train MODEL, as wrn-28-10, and log its learning curve.

    Hyperparameters that are not given are the paper's. Stopped by SIGTERM or killed, the same
    command line goes on. Under torchrun the ranks share every batch.
    """
    _check_needs(click.get_current_context())
    from advlib.jobs.ranks import leave
    from advlib.training import setup

    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    run = setup.prepare(
        output,
        model,
        data,
        real,
        share,
        test,
        validation,
        samples,
        evaluate,
        history=cli.history_entry(),
        stop=lambda: bool(asked),
        **options,
    )
    first, images = run.ranks.first, run.recipe.images
    if first and samples and images > 1.1 * samples:
        cli.note(
            f"the run sees {images} images, not {samples:.0f}: its {run.recipe.epochs} epochs are"
            " whole batches; see --epoch and --batch"
        )
    with cli.training_meter(images) if first else contextlib.nullcontext(run.tick) as run.tick:
        finished = run.train()
    leave()
    if first and not finished:
        cli.note(f"stopped; its state is in {output}, and the same command line goes on")
    return 0 if finished else STOPPED
