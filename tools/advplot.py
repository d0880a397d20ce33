"""advplot: draw a figure of a scaling study."""

import click

from advlib import cli
from advlib.figures.formats import suffix_of
from advlib.figures.kinds import KINDS, SCORES, kinds_with
from advlib.settings import Rule, when, when_given


def _of_kind(option):
    """The condition that the kind of figure takes an option."""
    return when(kind=kinds_with(option))


def _one_piped(found):
    """Whether the fits and the runs do not both come from standard input."""
    piped = not found["fits"] or any(map(_is_stdin, found["fits"]))
    return not (piped and _is_stdin(found["runs"]))


def _is_stdin(stream):
    return cli.stream_name(stream) == "<stdin>"


@click.command(cls=cli.Tool)
@click.argument("kind", type=click.Choice(list(KINDS)), metavar="KIND")
@cli.fit_arguments
@cli.figure_option("Where to: a name in .pdf, .png or .svg, or - for a PDF on standard output.")
@cli.option(
    "--flops",
    type=cli.FLOPS,
    metavar="FLOPS[,...]",
    help="Ends of the FLOPs axis, as 1e18,1e30, or FIRST:LAST:COUNT for so many points; for "
    "overhead the training budgets. [default: as the kind needs; overhead: 1e22]",
    applies=_of_kind("flops"),
)
@cli.quality_options(applies=_of_kind("fids"))
@cli.option(
    "--runs",
    type=click.File("rb"),
    metavar="TABLE",
    help='Show the runs of a table, advruns(5), not those behind the fit; "-" is standard input.',
    applies=(
        *_of_kind("runs"),
        Rule(_one_piped, "the fits and the runs cannot both come from standard input"),
    ),
)
@cli.columns_option(applies=when_given("runs"))
@cli.option(
    "--by",
    type=click.Choice(["model", "dataset"]),
    help="A panel each model or each data set. [default: model]",
    applies=_of_kind("by"),
)
@cli.option(
    "--human",
    type=click.File("rb"),
    metavar="SCORES",
    help="What advscore --benchmark printed: people's accuracy to compare with. [default: the "
    "paper's]",
    applies=_of_kind("human"),
)
@click.option(
    "--width",
    type=cli.Count(low=2.5, high=40, closed=True),
    metavar="INCHES",
    help="Width of the figure. [default: as the kind needs]",
)
def main(kind, fits, output, runs, columns, human, **options):
    """Draw a figure from fits, or from scores.

    FIT is what advfit printed, for humans what advscore did; "-" or nothing means standard input.
    Bands are 95 % intervals over the fit's bootstrap draws.
    """
    with cli.figure_file(output) as file:
        from advlib.figures import canvas, kinds

        given = {name: value for name, value in options.items() if value}
        if KINDS[kind].reads == SCORES:
            figure = kinds.draw(kind, cli.read_scores(fits), **given)
            canvas.save(figure, file, suffix_of(output) or ".pdf")
            return
        laws = cli.read_fits(fits)
        if runs is not None:
            from advlib.runs.reading import read_tables

            source = [(cli.stream_name(runs), runs)]
            given["runs"] = read_tables(source, columns, KINDS[kind].columns)
        if human is not None:
            from advlib.humans.score_table import human_levels

            given["human"] = human_levels(human, cli.stream_name(human))
        figure = kinds.draw(kind, laws, **given)
        if KINDS[kind].intervals:
            cli.say_no_intervals(laws)
        cli.say_assumed(laws, KINDS[kind].hangs_on)
        canvas.save(figure, file, suffix_of(output) or ".pdf")


def _table_of_kinds():
    """What each kind shows, and the options that it takes, as the end of the help."""
    flags = {param.name: param.opts[0] for param in main.params}
    rows = [
        f"  {name:10}{kind.shows}\n{'':12}{' '.join(flags[option] for option in kind.options)}"
        for name, kind in KINDS.items()
    ]
    return "\n".join(["\b", "Kinds, and the options that each takes:", *rows])


main.epilog = _table_of_kinds()
