"""advplot: draw a figure of a scaling study."""

import os
import sys

import click

from advlib import cli
from advlib.figures.kinds import KINDS, SUFFIXES

FLAGS = {"flops": "--flops", "fid": "--fid", "dataset": "--dataset", "runs": "--runs", "by": "--by"}


def _output(context, param, value):
    if value != "-" and os.path.splitext(value)[1].lower() not in SUFFIXES:
        raise click.BadParameter(
            f"found {value!r}; expected a name that ends in .pdf, .png or .svg, or - for a PDF on "
            "standard output"
        )
    return value


def _table_of_kinds() -> str:
    rows = [
        f"  {name:10}{kind.shows}\n{'':12}{' '.join(FLAGS[option] for option in kind.options)}"
        for name, kind in KINDS.items()
    ]
    return "\n".join(["\b", "Kinds, and the options that each takes:", *rows])


@click.command(cls=cli.Tool, epilog=_table_of_kinds())
@click.argument("kind", type=click.Choice(list(KINDS)), metavar="KIND")
@cli.fit_arguments
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="FILE",
    callback=_output,
    help="Where to: a name in .pdf, .png or .svg, or - for a PDF on standard output.",
)
@click.option(
    "--flops",
    type=cli.FLOPS,
    metavar="FLOPS[,...]",
    help="Ends of the FLOPs axis, as 1e18,1e30, or FIRST:LAST:COUNT for so many points; for "
    "overhead the training budgets. [default: as the kind needs; overhead: 1e22]",
)
@cli.quality_options
@click.option(
    "--runs",
    type=click.File("rb"),
    metavar="TABLE",
    help='Show the runs of a table, advruns(5), not those behind the fit; "-" is standard input.',
)
@cli.columns_option
@click.option(
    "--by",
    type=click.Choice(["model", "dataset"]),
    help="A panel each model or each data set. [default: model]",
)
@click.option(
    "--width",
    type=cli.Count(low=2.5, high=40, closed=True),
    metavar="INCHES",
    help="Width of the figure. [default: as the kind needs]",
)
def main(kind, fits, output, flops, fids, datasets, runs, columns, by, width):
    """Draw a figure from fits.

    FIT is what advfit printed; "-" or nothing means standard input. Bands are 95 % intervals over
    the fit's bootstrap draws.
    """
    given = {"flops": flops, "fid": fids, "dataset": datasets, "runs": runs, "by": by}
    for name, value in given.items():
        if value and name not in KINDS[kind].options:
            taken = ", ".join(FLAGS[option] for option in KINDS[kind].options)
            raise click.UsageError(f"{kind} takes no {FLAGS[name]}; it takes {taken}")
    if columns and runs is None:
        raise click.UsageError("--columns names columns of --runs TABLE, which is missing")
    if runs is not None and _is_stdin(runs) and (not fits or any(map(_is_stdin, fits))):
        raise click.UsageError("the fits and --runs cannot both come from standard input")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError(
            "a PDF is not for a terminal: redirect standard output, or name a file"
        )
    laws = cli.read_fits(fits)
    from advlib.figures import canvas, kinds

    options = {"flops": flops, "fids": fids, "datasets": datasets, "by": by, "width": width}
    if runs is not None:
        from advlib.runs.reading import read_tables

        source = [(cli.stream_name(runs), runs)]
        options["runs"] = read_tables(source, columns, KINDS[kind].columns)
    figure = kinds.draw(kind, laws, **{name: value for name, value in options.items() if value})
    if KINDS[kind].intervals:
        cli.say_uncertain(laws)
    if output == "-":
        canvas.save(figure, sys.stdout.buffer, ".pdf")
        return
    with cli.atomic_write(output) as file:
        canvas.save(figure, file, os.path.splitext(output)[1].lower())


def _is_stdin(stream) -> bool:
    return cli.stream_name(stream) == "<stdin>"
