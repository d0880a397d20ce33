"""adveval: score a classifier on clean and attacked images."""

import contextlib
import csv
import re
import sys
import time

import click

from advlib import cli

COLUMNS = (
    "key",
    "label",
    "clean_guess",
    "clean_loss",
    "clean_confidence",
    "guess",
    "loss",
    "confidence",
)
ATTACKED = COLUMNS[-3:]
DEFAULT = "pgd40-cw"


def _attack(context, param, value):
    if value in (None, "none", "stored") or re.fullmatch(r"pgd\d{1,4}-(cw|ce)", value):
        return value
    raise click.BadParameter(
        f"found {value!r}; expected none, stored, or PGD by steps and loss, as {DEFAULT}"
    )


@click.command(cls=cli.Tool)
@click.argument("checkpoint")
@cli.sets_argument
@click.option(
    "--attack",
    callback=_attack,
    metavar="ATTACK",
    help="pgd40-cw or the like: PGD by steps and loss (cw, ce); stored: the attacked images that "
    "the set holds; none. [default: stored if the set holds any, else pgd40-cw]",
)
@click.option("--steps", type=click.IntRange(min=0), help="Steps of PGD. [default: as --attack]")
@click.option("--loss", type=click.Choice(["cw", "ce"]), help="Its loss. [default: as --attack]")
@click.option("--step-size", type=cli.Count(0, 1), help="Its step. [default: 2/255]")
@click.option("--eps", type=cli.Count(0, 1, closed=True), help="Its radius. [default: 8/255]")
@cli.seed_option
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="The first N images alone.")
@click.option("--per-class", "kind", flag_value="class", help="A row for each class.")
@click.option(
    "--confusion",
    "kind",
    flag_value="confusion",
    help="A row for each label and guess on attacked images.",
)
@click.option("--per-image", "kind", flag_value="image", help="A row for each image.")
@cli.network_options
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    metavar="N",
    help="Images at once, on each rank.",
)
@cli.format_option
def main(checkpoint, sets, attack, seed, first, kind, device, batch, output_format, **options):
    """Print accuracy and loss of CHECKPOINT on the images of a set, clean and attacked.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. Under
    torchrun the ranks share the images.
    """
    from advlib.evaluation import outcomes as scoring
    from advlib.jobs import ranks as parallel

    network = {key: options.pop(key) for key in ("model", "normalisation", "current")}
    begun = time.monotonic()
    ranks = parallel.join(device)
    source = cli.open_images(sets)
    if attack is None:
        attack = DEFAULT
        if scoring.FIELD in source.fields and not any(v is not None for v in options.values()):
            attack = scoring.STORED
            if ranks.first:
                cli.note(f"{source.name} holds attacked images, which are scored as they are")
    how, attack = _how(attack, options)
    model, description = cli.open_checkpoint(checkpoint, source, ranks.device, network)
    tally = scoring.Tally(model.classes, how is not None)
    count = source.count if source.count is None or not first else min(first, source.count)
    streamed = (
        kind == "image"
        and output_format in (None, "csv")
        and not (output_format is None and sys.stdout.isatty())
    )
    kept: list[dict] = []
    with cli.meter(count) if ranks.first else contextlib.nullcontext(lambda count: None) as tick:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for found in scoring.outcomes(
            model,
            source,
            how,
            ranks,
            seed=seed,
            batch=batch,
            most=first,
            name=checkpoint,
            tick=tick,
        ):
            if streamed and not tally.images:
                writer.writerow(COLUMNS)
            tally.add(found)
            if streamed:
                writer.writerows(map(_cells, _images(found, how)))
                sys.stdout.flush()
            elif kind == "image":
                kept += _images(found, how)
    parallel.leave()
    if not ranks.first or streamed:
        return
    if kind == "image":
        rows = kept
    elif kind == "confusion":
        rows = tally.confusion()
    else:
        what = {"checkpoint": checkpoint, "model": description["model"], "set": source.name}
        drawn = seed if "eps" in attack else None
        what |= {"attack": attack["name"], "eps": attack.get("eps"), "seed": drawn}
        parts = tally.per_class(source.class_names) if kind else [tally.total()]
        rows = [what | row for row in parts]
    history = cli.history_with(description, source)
    if output_format == "json":
        cli.write_document(
            {
                "history": history,
                "checkpoint": {"path": checkpoint, **description},
                "attack": attack | {"seed": seed},
                "device": cli.device_name(ranks),
                "versions": cli.versions("torch"),
                "seconds": time.monotonic() - begun,
                "rows": rows,
            }
        )
    else:
        cli.write_rows(rows, output_format, history)


def _how(attack: str, options: dict):
    """What is done to images, as scoring.outcomes takes it, and in words for the output."""
    from dataclasses import asdict

    from advlib.attacks.pgd import Attack

    given = {key: value for key, value in options.items() if value is not None}
    if not attack.startswith("pgd"):
        if given:
            names = ", ".join("--" + key.replace("_", "-") for key in given)
            raise click.UsageError(f"{names}: not with --attack {attack}, which runs no PGD")
        return None if attack == "none" else attack, {"name": attack}
    steps, loss = attack.removeprefix("pgd").split("-")
    how = Attack(**{"steps": int(steps), "loss": loss} | given)
    return how, {"name": f"pgd{how.steps}-{how.loss}"} | asdict(how)


def _images(found, how) -> list[dict]:
    columns = {name: getattr(found, name).tolist() for name in COLUMNS}
    if how is None:
        columns |= {name: [None] * len(found) for name in ATTACKED}
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cells(row: dict) -> list:
    return [f"{v:.8g}" if isinstance(v, float) else v for v in row.values()]
