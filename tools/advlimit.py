"""advlimit: ceilings of robustness, and the compute to reach a target."""

import click

from advlib import cli
from advlib.jobs.peaks import HOPPER
from advlib.settings import when_absent, when_given

DEVICE_FLOPS = HOPPER["tf32"]  # FLOP/s of an H100 SXM
TARGETS = ("target_accuracy", "target_loss")
FOR_TIME = when_given(*TARGETS) + when_absent("budgets")  # a time is that of a target


@click.command(cls=cli.Tool)
@cli.fit_arguments
@cli.quality_options(applies=when_absent("budgets"))
@click.option(
    "--target-accuracy",
    type=cli.Numbers(high=1.0, open_high=True),
    metavar="A[,...]",
    help="Target adversarial accuracies, as 0.8 or 80%.",
)
@click.option("--target-loss", type=cli.NUMBERS, metavar="L[,...]", help="Target losses, nats.")
@cli.option(
    "--flops",
    "budgets",
    type=cli.FLOPS,
    metavar="FLOPS[,...]",
    applies=when_given(*TARGETS),
    help="With a target: the FID at which these budgets reach it, what a better generator buys.",
)
@cli.option(
    "--device-flops",
    type=cli.Count(),
    default=DEVICE_FLOPS,
    show_default="4.947e14",
    applies=FOR_TIME,
    help="Peak FLOP/s of a device.",
)
@cli.option(
    "--devices",
    type=cli.Whole(1),
    default=1,
    show_default=True,
    applies=FOR_TIME,
    help="How many devices.",
)
@cli.option(
    "--utilisation",
    type=cli.Count(high=1.0),
    default=0.4,
    show_default=True,
    applies=FOR_TIME,
    help="Share of peak that training reaches.",
)
@cli.format_option
def main(fits, fids, datasets, target_accuracy, target_loss, budgets, output_format, **hardware):
    """Print the best loss and accuracy that any compute reaches, or the compute for a target.

    FIT is what advfit printed, of Approach 2 or 3; "-" or nothing means standard input. Without a
    target: the ceilings, at each data set of the fit and at FID 0. With one: FLOPs, N, D and time,
    "never" beyond the ceiling.
    """
    from advlib.laws import limits

    targets = target_loss or [], target_accuracy or []
    laws = cli.read_fits(fits)
    if budgets:
        rows = list(limits.quality_rows(laws, budgets, *targets))
    elif any(targets):
        rows = list(limits.target_rows(laws, *targets, limits.Hardware(**hardware), fids, datasets))
    else:
        rows = list(limits.ceiling_rows(laws, fids, datasets))
    cli.say_uncertain(laws, rows)
    cli.write_rows(rows, output_format, cli.history_of(laws))
