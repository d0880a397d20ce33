"""advoptimal: the best model and data size for a compute budget."""

import click

from advlib import cli
from advlib.settings import when_absent


@click.command(cls=cli.Tool)
@cli.fit_arguments
@click.option(
    "--flops",
    "budgets",
    type=cli.FLOPS,
    required=True,
    metavar="FLOPS[,...]",
    help="Training budgets: 1e22, a list, or FIRST:LAST:COUNT spaced in the logarithm.",
)
@cli.quality_options
@cli.option(
    "--zoo",
    is_flag=True,
    applies=when_absent("region"),
    help="Add the buildable WideResNet nearest to N*, its batch size and peak learning rate.",
)
@click.option(
    "--region",
    is_flag=True,
    help="With two or three fits: the model sizes between their predictions.",
)
@cli.format_option
def main(fits, budgets, fids, datasets, zoo, region, output_format):
    """Print the parameters N and samples D of least adversarial loss for a training budget.

    FIT is what advfit printed; "-" or nothing means standard input.
    """
    from advlib.laws import optimal

    laws = cli.read_fits(fits)
    if region:
        rows = optimal.region_rows(laws, budgets, fids, datasets)
    else:
        rows = list(optimal.optimum_rows(laws, budgets, fids, datasets, zoo))
    cli.say_uncertain(laws, rows)
    cli.write_rows(rows, output_format, cli.history_of(laws))
