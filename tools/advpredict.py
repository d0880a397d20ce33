"""advpredict: loss and accuracy at given model sizes, data sizes and data quality."""

import click

from advlib import cli


@click.command(cls=cli.Tool)
@cli.fit_arguments
@click.option("--params", type=cli.NUMBERS, metavar="N[,...]", help="Model sizes, as 366M.")
@click.option("--samples", type=cli.NUMBERS, metavar="D[,...]", help="Images seen, as 500M.")
@cli.quality_options
@click.option(
    "--runs",
    type=click.File("rb"),
    metavar="TABLE",
    help='Predict the rows of a table with params, samples and fid (or dataset); "-" is standard '
    "input.",
)
@cli.columns_option
@cli.format_option
def main(fits, params, samples, fids, datasets, runs, columns, output_format):
    """Print the adversarial loss and accuracy that a law predicts for runs.

    FIT is what advfit printed; "-" or nothing means standard input. Sizes come from options, every
    N with every D, or from a table, whose columns are carried along.
    """
    if (runs is None) == (params is None or samples is None):
        raise click.UsageError("give either --params and --samples, or --runs TABLE")
    if runs is not None and (params or samples or fids or datasets):
        raise click.UsageError("--runs has the sizes and qualities in its columns")
    if runs is not None and runs.name == "<stdin>" and not fits:
        raise click.UsageError("--runs - takes standard input; name the FIT")
    from advlib.laws import predict

    laws = cli.read_fits(fits)
    if runs is None:
        rows = [
            predict.prediction_row(fit, name, fid, n, d)
            for fit in laws
            for name, fid in fit.qualities(fids, datasets)
            for n in params
            for d in samples
        ]
    else:
        from advlib.laws.fitting.predictions import predict_table
        from advlib.runs.table import read_tables

        table = read_tables([(cli.stream_name(runs), runs)], columns, ("params", "samples"))
        rows = predict_table(laws, table)
    cli.say_uncertain(laws)
    cli.write_rows(rows, output_format, cli.history_of(laws))
