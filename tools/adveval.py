"""adveval: score a classifier on clean and attacked images."""

import contextlib
import sys
import time

import click

from advlib import cli
from advlib.evaluation.settings import EvaluationSettings
from advlib.settings import when_absent


@click.command(cls=cli.Tool)
@click.argument("checkpoint")
@cli.sets_argument
@cli.setting_options(EvaluationSettings, steps="--attack-steps", loss="--attack-loss")
@click.option("--first", type=cli.Whole(min=1), metavar="N", help="The first N images alone.")
@cli.option(
    "--classwise",
    "per_class",
    is_flag=True,
    applies=when_absent("confusion", "per_image"),
    help="A row for each class.",
)
@cli.option(
    "--confusion",
    is_flag=True,
    applies=when_absent("per_class", "per_image"),
    help="A row for each label and guess on attacked images.",
)
@cli.option(
    "--per-image",
    is_flag=True,
    applies=when_absent("per_class", "confusion"),
    help="A row for each image.",
)
@cli.exclude_option(applies=when_absent("confusion", "per_image"))
@cli.network_options
@click.option(
    "--batch",
    type=cli.Whole(min=1),
    default=512,
    show_default=True,
    metavar="N",
    help="Images at once, on each rank.",
)
@cli.format_option
@cli.pixels_option
def main(
    checkpoint,
    sets,
    first,
    per_class,
    confusion,
    per_image,
    exclude,
    device,
    batch,
    output_format,
    **options,
):
    """Print accuracy and loss of CHECKPOINT on the images of a set, clean and attacked.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. Under
    torchrun the ranks share the images.
    """
    settings = cli.take_settings(EvaluationSettings, options)
    from advlib.evaluation import report
    from advlib.evaluation.outcomes import outcomes
    from advlib.evaluation.scores import FIELD
    from advlib.jobs.ranks import join, leave

    begun = time.monotonic()
    ranks = join(device)
    exclusion = cli.exclusion(exclude)
    source = cli.open_images(sets)
    with cli.option_names():
        chosen = settings.settled(FIELD in source.fields)
    if ranks.first and settings.attack is None and chosen.attack == "stored":
        cli.note(f"{source.name} holds attacked images, which are scored as they are")
    model, description = cli.open_checkpoint(checkpoint, source, ranks.device, options)
    attacked = chosen.how is not None
    tally = report.Benchmark(model.classes, attacked, exclusion, source.class_names)
    count = source.count if source.count is None or not first else min(first, source.count)
    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "csv"
    rows: list[dict] = []
    with cli.meter(count) if ranks.first else contextlib.nullcontext(lambda count: None) as tick:
        seed = chosen.seed or 0
        found = outcomes(
            model, source, chosen.how, ranks, seed=seed, batch=batch, most=first, name=checkpoint
        )
        batches = (
            report.image_rows(part, attacked) if per_image else []
            for part in tally.counted(found, tick)
        )
        if per_image and output_format == "csv":
            cli.stream_rows(batches)
        else:
            rows = [row for batch in batches for row in batch]
    leave()
    if not ranks.first or (per_image and output_format == "csv"):
        return
    attack = chosen.document()
    if confusion:
        rows = tally.whole.confusion()
    elif not per_image:
        what = {"checkpoint": checkpoint, "model": description["model"], "set": source.name}
        what |= {"attack": attack["name"], "eps": attack.get("eps"), "seed": attack["seed"]}
        rows = tally.rows(what, per_class)
    cli.say_not_met(exclusion, source)
    history = cli.history_with(description, source)
    if output_format != "json":
        cli.write_rows(rows, output_format, history)
        return
    cli.write_document(
        {
            "history": history,
            "checkpoint": {"path": checkpoint, **description},
            "attack": attack,
            "device": cli.device_name(ranks),
            "versions": cli.versions("torch"),
            "seconds": time.monotonic() - begun,
            "rows": rows,
        }
    )
