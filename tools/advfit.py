"""advfit: fit scaling laws of adversarial robustness to a runs table."""

import json
import sys

import click

from advlib import cli

BOOTSTRAP = 1000


def _approaches(context, param, value):
    names = value.split(",")
    if not names or any(name not in ("1", "2", "3") for name in names):
        raise click.BadParameter(f"found {value!r}; expected 1, 2, 3, or a list as 1,2,3")
    return list(dict.fromkeys(map(int, names)))


@click.command(cls=cli.Tool)
@click.argument("tables", nargs=-1, type=click.File("rb"), metavar="[TABLE]...")
@click.option(
    "--approach",
    "approaches",
    required=True,
    metavar="1|2|3[,...]",
    callback=_approaches,
    help="The law: 1 envelope, 2 separable (Eq. 3), 3 saturating (Eq. 5); several make several "
    "documents.",
)
@click.option("--joint", is_flag=True, help="Approach 2: all rows at once, not in two stages.")
@click.option("--plain", is_flag=True, help="Approach 2 without quality: A/N^alpha + B/D^beta + E.")
@click.option("--base", metavar="NAME", help="Approach 2: the data set of the first stage.")
@click.option(
    "--quality",
    metavar="NAME",
    multiple=True,
    help="Approach 2: a data set of the second stage; may be repeated.",
)
@click.option(
    "--dataset",
    "datasets",
    metavar="NAME",
    multiple=True,
    help="Approach 1: the data set; may be repeated. [default: each in turn]",
)
@click.option(
    "--recipe",
    type=click.Choice(["default", "published"]),
    default="default",
    show_default=True,
    help="default: the true minimum; published: the study's own settings, slow and inexact.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(0, 100_000),
    metavar="DRAWS",
    help=f"Bootstrap draws, by run; 0 for none. [default: {BOOTSTRAP}; 0 with --recipe published]",
)
@cli.seed_option
@click.option(
    "--weights",
    "error_column",
    metavar="COLUMN",
    help="Weigh rows by one over the squared relative error of the loss in COLUMN.",
)
@click.option(
    "--delta",
    type=cli.Count(),
    default=1e-3,
    show_default=True,
    help="Huber threshold on log residuals.",
)
@cli.where_option
@click.option(
    "--min-fraction",
    type=cli.Count(closed=True, high=1.0),
    default=0.5,
    show_default=True,
    help="Leave out checkpoints before this share of the planned training.",
)
@click.option(
    "--keep-underfit",
    is_flag=True,
    help="Keep runs with N < 100M, planned D > 10M and FID < 10.",
)
@click.option(
    "--holdout",
    metavar="EXPR",
    multiple=True,
    help="Leave out and predict rows where COLUMN<VALUE; may be repeated, all must hold.",
)
@click.option(
    "--compare",
    is_flag=True,
    help="Print how well each law predicts the same held-out rows, not the fits.",
)
@click.option(
    "--k", type=cli.Count(), help="FLOPs per parameter and sample. [default: from the table]"
)
@cli.columns_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["json", "csv", "table"]),
    help="json: the fit; csv, table: parameters. [default: table on a terminal, json elsewhere]",
)
def main(tables, approaches, conditions, columns, holdout, compare, output_format, **options):
    """Print the scaling law that a runs table carries, with its uncertainty.

    TABLE is a runs table, advruns(5); "-" or nothing means standard input. The fit is a JSON
    document, advfit(5), one for each approach (and for Approach 1 each data set).
    """
    if options["joint"] and options["plain"]:
        raise click.UsageError("--joint and --plain exclude each other")
    for name in ("joint", "plain", "base", "quality"):
        if options[name] and 2 not in approaches:
            raise click.UsageError(f"--{name} is of approach 2")
    if (options["base"] or options["quality"]) and (options["joint"] or options["plain"]):
        raise click.UsageError("--base and --quality are of two stages; drop --joint or --plain")
    if options["datasets"] and 1 not in approaches:
        raise click.UsageError("--dataset is of approach 1; --where 'dataset=...' selects rows")
    if options["recipe"] == "published" and options["bootstrap"]:
        raise click.UsageError("--recipe published has no bootstrap: it would take hours")
    import numpy as np

    from advlib.conditions import parse_comparison
    from advlib.errors import DataError
    from advlib.laws import report
    from advlib.laws.fitting import documents as study
    from advlib.laws.fitting.comparison import compare as compare_laws
    from advlib.runs import select
    from advlib.runs.table import read_tables

    comparisons = [parse_comparison(text) for text in conditions]
    request = _request(options, tuple(parse_comparison(text) for text in holdout))
    files = [(cli.stream_name(f), f) for f in cli.open_inputs(tables)]
    table = read_tables(files, columns, ("params", "samples", "loss"))
    if comparisons:
        table = table.take(np.flatnonzero(select.where(table, comparisons)))
        if not len(table):
            raise DataError(f"no row satisfies {' and '.join(map(str, comparisons))}")
    history = [cli.history_entry()]
    if compare:
        rows = compare_laws(table, approaches, request)
        _say(request.notes)
        cli.write_rows(rows, output_format, history)
        cli.note(f"{rows[0]['law']} extrapolates best, on {rows[0]['rows']} held-out rows")
        return
    fits = [fit for a in approaches for fit in study.documents(table, a, request)]
    _say(request.notes + [remark for fit in fits for remark in report.remarks(fit)])
    if output_format is None:
        output_format = "table" if sys.stdout.isatty() else "json"
    if output_format == "json":
        for fit in fits:
            print(json.dumps(fit | {"history": history}, allow_nan=False))
    else:
        rows = [row for fit in fits for row in report.parameter_rows(fit)]
        cli.write_rows(rows, output_format, history)


def _request(options, holdout):
    from advlib.laws.fitting.selection import Request
    from advlib.laws.fitting.settings import Settings

    draws = options["bootstrap"]
    published = options["recipe"] == "published"
    variant = "joint" if options["joint"] else "plain" if options["plain"] else None
    settings = Settings(
        recipe=options["recipe"],
        variant=variant,
        base=options["base"],
        quality=options["quality"],
        delta=options["delta"],
        bootstrap=(0 if published else BOOTSTRAP) if draws is None else draws,
        seed=options["seed"],
        error_column=options["error_column"],
        progress=cli.progress,
    )
    return Request(
        settings,
        options["min_fraction"],
        options["keep_underfit"],
        holdout,
        options["k"],
        options["datasets"],
    )


def _say(notes):
    for text in dict.fromkeys(notes):
        cli.note(text)
