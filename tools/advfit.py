"""advfit: fit scaling laws of adversarial robustness to a runs table."""

import json
import sys

import click

from advlib import cli
from advlib.laws.forms import APPROACHES, optional_variants
from advlib.settings import when

VARIANTS = optional_variants()


def _approaches(context, param, value):
    wanted = [str(approach) for approach in APPROACHES]
    names = value.split(",")
    if any(name not in wanted for name in names):
        raise click.BadParameter(
            f"found {value!r}; expected {', '.join(wanted)}, or a list as {','.join(wanted)}"
        )
    return list(dict.fromkeys(map(int, names)))


def _variant_options(command):
    """An option for each way to fit a law that the table of laws has one for."""
    for name, (form, text) in reversed(VARIANTS.items()):
        applies = when(approaches=(form.approach,))
        command = cli.option(f"--{name}", is_flag=True, help=text, applies=applies)(command)
    return command


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
@_variant_options
@cli.fit_options
@cli.where_option
@click.option(
    "--compare",
    is_flag=True,
    help="Print how well each law predicts the same held-out rows, not the fits.",
)
@cli.columns_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["json", "csv", "table"]),
    help="json: the fit; csv, table: parameters. [default: table on a terminal, json elsewhere]",
)
def main(tables, approaches, conditions, columns, compare, output_format, **options):
    """Print the scaling law that a runs table carries, with its uncertainty.

    TABLE is a runs table, advruns(5); "-" or nothing means standard input. The fit is a JSON
    document, advfit(5), one for each approach (and for Approach 1 each data set).
    """
    variants = [name for name in VARIANTS if options.pop(name)]
    if len(variants) > 1 and not compare:
        raise click.UsageError(f"--{variants[0]} and --{variants[1]} exclude each other")
    from advlib.laws import report
    from advlib.laws.fitting.comparison import compare as compare_laws
    from advlib.laws.fitting.documents import documents
    from advlib.laws.fitting.settings import Settings
    from advlib.runs.reading import read_runs

    settings = Settings(**options, variant=None if compare else next(iter(variants), None))
    files = [(cli.stream_name(file), file) for file in cli.open_inputs(tables)]
    table = read_runs(files, columns).only(conditions)
    notes, history = [], [cli.history_entry()]
    if compare:
        rows = compare_laws(table, approaches, settings, variants, notes, cli.progress)
        cli.note_each(notes)
        cli.write_rows(rows, output_format, history)
        cli.note(f"{rows[0]['law']} extrapolates best, on {rows[0]['rows']} held-out rows")
        return
    fits = [
        fit
        for approach in approaches
        for fit in documents(table, approach, settings, notes, cli.progress)
    ]
    cli.note_each(notes + [remark for fit in fits for remark in report.remarks(fit)])
    if output_format == "json" or not (output_format or sys.stdout.isatty()):
        for fit in fits:
            print(json.dumps(fit | {"history": history}, allow_nan=False))
    else:
        rows = [row for fit in fits for row in report.parameter_rows(fit)]
        cli.write_rows(rows, output_format or "table", history)
