"""advlimit: ceilings of robustness, and the compute to reach a target."""

import click

from advlib import cli

DEVICE_FLOPS = 4.947e14  # FLOP/s of an H100 SXM at dense TF32; NVIDIA's data sheet


@click.command(cls=cli.Tool)
@cli.fit_arguments
@cli.quality_options
@click.option(
    "--accuracy",
    "accuracies",
    type=cli.NUMBERS,
    metavar="A[,...]",
    help="Target adversarial accuracies, as 0.8 or 80%.",
)
@click.option("--loss", "losses", type=cli.NUMBERS, metavar="L[,...]", help="Target losses, nats.")
@click.option(
    "--flops",
    "budgets",
    type=cli.FLOPS,
    metavar="FLOPS[,...]",
    help="With a target: the FID at which these budgets reach it, what a better generator buys.",
)
@click.option(
    "--device-flops",
    type=cli.Count(),
    default=DEVICE_FLOPS,
    show_default="4.947e14",
    help="Peak FLOP/s of a device.",
)
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many devices.",
)
@click.option(
    "--utilisation",
    type=cli.Count(high=1.0),
    default=0.4,
    show_default=True,
    help="Share of peak that training reaches.",
)
@cli.format_option
def main(
    fits,
    fids,
    datasets,
    accuracies,
    losses,
    budgets,
    device_flops,
    devices,
    utilisation,
    output_format,
):
    """Print the best loss and accuracy that any compute reaches, or the compute for a target.

    FIT is what advfit printed, of Approach 2 or 3; "-" or nothing means standard input. Without a
    target: the ceilings, at each data set of the fit and at FID 0. With one: FLOPs, N, D and time,
    "never" beyond the ceiling.
    """
    from advlib.laws import limits

    accuracies, losses = accuracies or [], losses or []
    if any(target >= 1 for target in accuracies):
        raise click.UsageError("--accuracy: expected fractions below 1, or percentages as 80%")
    if budgets and not (accuracies or losses):
        raise click.UsageError("--flops: expected a target, --accuracy or --loss")
    if budgets and (fids or datasets):
        raise click.UsageError("--flops asks for the FID; drop --fid and --dataset")
    laws = cli.read_fits(fits)
    if budgets:
        rows = limits.quality_rows(laws, budgets, losses, accuracies)
    elif accuracies or losses:
        rows = limits.target_rows(
            laws, losses, accuracies, device_flops, devices, utilisation, fids, datasets
        )
    else:
        rows = limits.ceiling_rows(laws, fids, datasets)
    rows = list(rows)
    cli.say_uncertain(laws, rows)
    cli.write_rows(rows, output_format, cli.history_of(laws))
