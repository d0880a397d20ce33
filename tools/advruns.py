"""advruns: check, normalise and join tables of training runs."""

import sys

import click

from advlib import cli

REQUIRED = ("params", "samples", "loss")


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
    type=click.Choice(["paper", "paper-envelope", "paper-final"]),
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
    from advlib.conditions import parse_comparison
    from advlib.errors import DataError
    from advlib.runs import bundled as paper
    from advlib.runs import select
    from advlib.runs.logs import is_log, table_of_log, with_fid
    from advlib.runs.table import csv_blocks, join_tables, read_tables, rows_of

    comparisons = [parse_comparison(text) for text in conditions]
    files = [paper.open_bundled(name) for name in bundled]
    if tables or not bundled:
        files += [(cli.stream_name(f), f) for f in cli.open_inputs(tables)]
    parts = [
        table_of_log(file, name) if is_log(file) else read_tables([(name, file)], columns, REQUIRED)
        for name, file in files
    ]
    table = join_tables(parts)
    if fids:
        table = with_fid(table, fids)
    if comparisons:
        keep = select.where(table, comparisons)
        if not keep.any():
            shown = " and ".join(map(str, comparisons))
            raise DataError(f"no row of {len(table)} satisfies {shown}")
        table = table.take(keep.nonzero()[0])
    if output_format == "csv" or not (output_format or sys.stdout.isatty()):
        sys.stdout.writelines(csv_blocks(table))
    else:
        cli.write_rows(rows_of(table), output_format, [cli.history_entry()])
