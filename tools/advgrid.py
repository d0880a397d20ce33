"""advgrid: lay out a study: its runs, what they cost, and what does them."""

import click

from advlib import cli
from advlib.jobs.peaks import HOPPER
from advlib.models.zoo import NORMALISATIONS
from advlib.settings import settings_of, when_absent, when_given
from advlib.studies.grid import FREE
from advlib.training.recipe import Recipe
from advlib.training.settings import Evaluation, TrainingImages

DECLARED = {name: each for name, each in settings_of(Recipe).items() if name not in FREE}
CHOSEN = when_absent("preset", "table")


def _words(context, param, value):
    return [word.strip() for word in (value or "").split(",") if word.strip()]


@click.command(cls=cli.Tool)
@click.argument("table", required=False, type=click.File("rb"))
@click.option("--preset", type=click.Choice(["paper"]), help="The runs of a study by name.")
@cli.option(
    "--networks",
    "models",
    metavar="NETWORK[,...]",
    callback=_words,
    applies=CHOSEN,
    help="Networks, as wrn-28-4,wrn-40-4.",
)
@cli.option(
    "--samples",
    type=cli.NUMBERS,
    metavar="D[,...]",
    applies=CHOSEN,
    help="Training images of a run, as 5M,10M.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="[NAME=]SET",
    help="A data set by its name in tables, and its shards; SET=PASSES as with advtrain. May be "
    "repeated; of one name several are read one after another.",
)
@cli.option(
    "--seeds",
    type=cli.Whole(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    applies=CHOSEN,
    help="Runs of each kind, with seeds 0 to N - 1.",
)
@click.option("--real", metavar="SET", help="Real images to mix into every batch.")
@cli.share_option
@cli.setting_options(Evaluation)
@cli.setting_options(Recipe, DECLARED)
@click.option(
    "--normalisation",
    type=click.Choice(list(NORMALISATIONS)),
    default=TrainingImages.normalisation,
    show_default=True,
    help="Mean and deviation that the models normalise by.",
)
@click.option(
    "--budget",
    type=cli.Count(),
    metavar="FLOPS",
    help="Training FLOPs of all runs together: the dearest runs are left out.",
)
@click.option(
    "--device-flops",
    type=cli.Count(),
    default=HOPPER["tf32"],
    show_default="4.947e14, an H100 at TF32",
    help="Peak FLOP/s of a device, for its hours.",
)
@click.option(
    "--utilisation",
    type=cli.Count(high=1.0),
    default=0.4,
    show_default=True,
    help="Share of peak that training reaches.",
)
@cli.option(
    "--launcher",
    default="",
    metavar="WORDS",
    applies=when_given("output"),
    help="Words before every command, as 'nice -n 19', or torchrun with its options.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    help="Lay the study out here: a Makefile, commands.txt, slurm.sh, grid.csv, study.json.",
)
@click.option("--status", metavar="FOLDER", help="How far the runs of a study's folder are.")
@cli.format_option
def main(table, status, output, output_format, **options):
    """Print the runs of a study and what each costs, and lay it out for make, xargs or Slurm.

    Runs are models x samples x data sets, those of a --preset, or of TABLE, a CSV with the columns
    model, dataset and samples ("-" is standard input).
    """
    if status:
        cli.write_rows(cli.study_status(status), output_format, [cli.history_entry()])
        return
    evaluation = cli.take_settings(Evaluation, options)
    recipe = {name: options.pop(name) for name in DECLARED}
    changed = {k: value for k, value in recipe.items() if value != DECLARED[k].default}
    from advlib.laws.limits import Hardware
    from advlib.studies.commands import Common
    from advlib.studies.planning import Choice

    choice = Choice(
        preset=options["preset"],
        table=table and (table, cli.stream_name(table)),
        models=options["models"],
        samples=options["samples"] or (),
        data=options["data"],
        seeds=options["seeds"],
        real=options["real"],
        recipe=changed,
    )
    common = Common(
        evaluation, str(options["share"]), options["normalisation"], options["launcher"]
    )
    hardware = Hardware(options["device_flops"], 1, options["utilisation"])
    rows = cli.lay_out_study(choice, common, hardware, options["budget"], output)
    cli.write_rows(rows, output_format, [cli.history_entry()])
