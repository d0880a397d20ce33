"""advpredict: loss and accuracy at given model sizes, data sizes and data quality."""

import click

from advlib import cli
from advlib.settings import when_absent, when_given

BY_SIZES = when_absent("runs")


@click.command(cls=cli.Tool)
@cli.fit_arguments
@cli.option(
    "--params",
    type=cli.NUMBERS,
    metavar="N[,...]",
    applies=BY_SIZES,
    help="Model sizes, as 366M.",
)
@cli.option(
    "--samples",
    type=cli.NUMBERS,
    metavar="D[,...]",
    applies=BY_SIZES,
    help="Images seen, as 500M.",
)
@cli.quality_options(applies=BY_SIZES)
@click.option(
    "--runs",
    type=click.File("rb"),
    metavar="TABLE",
    help='Predict the rows of a table with params, samples and fid (or dataset); "-" is standard '
    "input.",
)
@cli.columns_option(applies=when_given("runs"))
@cli.format_option
def main(fits, params, samples, fids, datasets, runs, columns, output_format):
    """Print the adversarial loss and accuracy that a law predicts for runs.

    FIT is what advfit printed; "-" or nothing means standard input. Sizes come from options, every
    N with every D, or from a table, whose columns are carried along.
    """
    if runs is None and not (params and samples):
        raise click.UsageError("give either --params and --samples, or --runs TABLE")
    if runs is not None and runs.name == "<stdin>" and not fits:
        raise click.UsageError("--runs - takes standard input; name the FIT")
    laws = cli.read_fits(fits)
    if runs is None:
        from advlib.laws.predict import prediction_rows

        rows = list(prediction_rows(laws, params, samples, fids, datasets))
    else:
        from advlib.laws.fitting.predictions import predict_table
        from advlib.runs.reading import read_tables

        table = read_tables([(cli.stream_name(runs), runs)], columns, ("params", "samples"))
        rows = list(predict_table(laws, table))
    cli.say_uncertain(laws, rows)
    cli.write_rows(rows, output_format, cli.history_of(laws))
