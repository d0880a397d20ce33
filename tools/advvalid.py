"""advvalid: which attacked images are still what their label says."""

import click

from advlib import cli
from advlib.humans.settings import Rule
from advlib.settings import when_absent, when_given

MODES = ("sure", "agreement", "overlap")  # what is printed in place of a row for each image


def _mode(name, help):
    """The option of a mode; one excludes the others."""
    others = when_absent(*(mode for mode in MODES if mode != name))
    return cli.option(f"--{name}", is_flag=True, help=help, applies=others)


@click.command(cls=cli.Tool)
@cli.judgements_argument
@cli.setting_options(Rule)
@cli.panel_options
@_mode("sure", "How sure the shares are: intervals, without each judge, other thresholds, chance.")
@_mode("agreement", "How far judges agree: Krippendorff's alpha, kappas, error consistency.")
@_mode("overlap", "Each file is of another attacked network: which images are invalid for both.")
@cli.draws_options(applies=when_given("sure", "agreement"))
@cli.format_option
def main(
    tables,
    columns,
    class_names,
    attention,
    sure,
    agreement,
    overlap,
    draws,
    seed,
    output_format,
    **options,
):
    """Print which attacked images are still what their label says, by a panel of judges.

    JUDGEMENTS are answers as advquiz and advjudge give them, advjudge(5); "-" or nothing means
    standard input. An image is valid where its label is given by at least two judges, or by a
    person with higher confidence.
    """
    rule = cli.take_settings(Rule, options)
    from advlib.humans import agreement as agreements
    from advlib.humans import certainty, validity

    history = [cli.history_entry()]
    names = columns, class_names, attention, rule
    if overlap:
        if len(tables) < 2:
            raise click.UsageError("--overlap: name a file of judgements for each network")
        each = [(cli.stream_name(t), cli.read_panel([t], *names)) for t in tables]
        found = [validity.validity_of(name, panel, rule) for name, panel in each]
        cli.write_rows(validity.overlap_rows(found), output_format, history)
        return
    panel = cli.read_panel(tables, *names)
    if sure:
        rows = certainty.rows(panel, rule, draws, seed)
        rows = cli.progress(rows, certainty.count(panel, rule))
    elif agreement:
        rows = cli.progress(agreements.rows(panel, draws, seed))
    else:
        rows = validity.rows(panel, rule)
    cli.write_rows(rows, output_format, history)
    if not (sure or agreement):
        cli.note(validity.summary(panel, rule))
