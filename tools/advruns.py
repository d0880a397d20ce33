"""advruns: check, normalise and join tables of training runs."""

import sys

import click

from advlib import cli
from advlib.runs.bundled import BUNDLED


def _fids(context, param, value):
    found = []
    for item in value:
        name, equals, text = item.rpartition("=")
        number = cli.Count(closed=True).convert(text, param, context)
        found.append((name if equals else None, number))
    return found


@click.command(cls=cli.Tool)
@click.argument("tables", nargs=-1, type=click.File("rb"), metavar="[TABLE]...")
@click.option(
    "--bundled",
    multiple=True,
    type=click.Choice(list(BUNDLED)),
    help="Read a table of the paper that comes with the package; may be repeated.",
)
@click.option(
    "--fid",
    "fids",
    multiple=True,
    metavar="[DATASET=]F",
    callback=_fids,
    help="FID of a data set, or of all, where the tables and logs do not say it; may be repeated.",
)
@cli.columns_option
@cli.where_option
@cli.format_option
def main(tables, bundled, fids, columns, conditions, output_format):
    """Print one checked runs table from one or more.

    TABLE is a CSV file in the form of advruns(5) or of the official study, or a log of advtrain,
    of which every evaluation becomes a row; "-" or nothing means standard input. Nothing is
    printed unless every cell is right.
    """
    from advlib.runs.bundled import open_bundled
    from advlib.runs.logs import with_fid
    from advlib.runs.reading import read_runs
    from advlib.runs.writing import csv_blocks, rows_of

    files = [open_bundled(name) for name in bundled]
    if tables or not bundled:
        files += [(cli.stream_name(file), file) for file in cli.open_inputs(tables)]
    table = read_runs(files, columns)
    if fids:
        table = with_fid(table, fids)
    table = table.only(conditions)
    if output_format == "csv" or not (output_format or sys.stdout.isatty()):
        cli.write_text(csv_blocks(table))
    else:
        cli.write_rows(rows_of(table), output_format, [cli.history_entry()])
