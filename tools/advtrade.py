"""advtrade: trade model size against training compute."""

import click

from advlib import cli


@click.command(cls=cli.Tool)
@cli.fit_arguments
@click.option(
    "--flops",
    "budgets",
    type=cli.FLOPS,
    required=True,
    metavar="FLOPS[,...]",
    help="Budgets whose optimum is traded away from: 1e22, a list, or FIRST:LAST:COUNT.",
)
@click.option(
    "--size",
    "sizes",
    type=cli.NUMBERS,
    metavar="W[,...]",
    help="Model sizes as multiples of N*, as 0.5 or 0.2:2:10.",
)
@click.option(
    "--max-overhead",
    "overheads",
    type=cli.NUMBERS,
    metavar="SHARE[,...]",
    help="The smallest model for at most this much more training compute, as 10%.",
)
@click.option(
    "--params",
    type=cli.NUMBERS,
    metavar="N[,...]",
    help="What is lost by spending the budget on a model of N parameters.",
)
@cli.quality_options
@cli.format_option
def main(fits, budgets, sizes, overheads, params, fids, datasets, output_format):
    """Print what a smaller or larger model than the optimal one costs and saves.

    FIT is what advfit printed, of Approach 2 or 3; "-" or nothing means standard input.
    """
    if sum(option is not None for option in (sizes, overheads, params)) != 1:
        raise click.UsageError("give one of --size, --max-overhead and --params")
    from advlib.laws import trade

    laws = cli.read_fits(fits)
    if sizes:
        rows = list(trade.trade_rows(laws, budgets, sizes, fids, datasets))
    elif overheads:
        rows = list(trade.smallest_rows(laws, budgets, overheads, fids, datasets))
    else:
        rows = list(trade.fixed_size_rows(laws, budgets, params, fids, datasets))
    cli.say_uncertain(laws, rows)
    if impossible := trade.impossible_sizes(rows):
        shown = ", ".join(impossible)
        cli.note(f"size {shown}: impossible: no amount of data reaches the optimal loss")
    cli.write_rows(rows, output_format, cli.history_of(laws))
