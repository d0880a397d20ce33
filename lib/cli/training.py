"""Options of a training recipe, and its progress on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import click

from advlib.cli.options import Count


def recipe_options(command):
    """Every hyperparameter of advlib.training.recipe.Recipe; what is not given is the paper's."""
    positive, share = Count(), Count(0, 1, closed=True)
    options = [
        ("--batch", click.IntRange(min=2), None, "Images a step. [default: 1024, above 10M 2048]"),
        ("--lr", positive, None, "Peak learning rate. [default: .3, above 10M .2, above 200M .1]"),
        (
            "--epoch",
            click.IntRange(min=1),
            None,
            "Images between changes of the learning rate. [default: 50000, or a hundredth]",
        ),
        (
            "--loss",
            click.Choice(["trades", "madry", "clean"]),
            "trades",
            "TRADES; adversarial training after Madry; no attack.",
        ),
        ("--eps", share, "8/255", "Radius of the attack's ball."),
        ("--step-size", share, "2/255", "Step of the attack."),
        ("--attack-steps", click.IntRange(min=0), 10, "Steps of the attack."),
        ("--beta", Count(closed=True), "5", "Weight of the divergence."),
        ("--smoothing", share, "0.1", "Label smoothing."),
        ("--tau", share, "0.995", "Decay of the averaged weights."),
        ("--weight-decay", Count(closed=True), "5e-4", "Of all parameters but batch norm's."),
        ("--warmup", share, "0.025", "Share of the run in which the learning rate rises."),
        (
            "--precision",
            click.Choice(["fp32", "tf32", "bf16"]),
            "fp32",
            "Of convolutions and matrix products.",
        ),
    ]
    switches = [
        ("--augment/--no-augment", True, "Crop with 4 pixels of padding, and flip."),
        ("--channels-last/--no-channels-last", True, "Keep channels innermost in memory."),
        ("--compile/--no-compile", False, "Compile the network with torch.compile."),
    ]
    for name, default, text in reversed(switches):
        command = click.option(name, default=default, show_default=True, help=text)(command)
    for name, kind, default, text in reversed(options):
        command = click.option(
            name, type=kind, default=default, show_default=default is not None, help=text
        )(command)
    return command


@contextlib.contextmanager
def training_meter(images: int) -> Iterator[Callable[[dict], None]]:
    """Progress of a run of `images` on standard error: a bar on a terminal, evaluations elsewhere.

    Call with each row of its log.
    """
    context = click.get_current_context().find_root()
    if (context.obj or {}).get("quiet"):
        yield lambda row: None
        return
    if not sys.stderr.isatty():
        yield (
            lambda row: (
                click.echo(f"{context.info_name}: {_evaluated(row)}", err=True)
                if row["event"] == "evaluation"
                else None
            )
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("advtrain", total=images, said="")

        def tick(row: dict) -> None:
            if row["event"] == "step":
                said = (
                    f"{row['images_per_second']:.0f} images/s, loss {row['loss']:.3f}, clean"
                    f" {row['clean_accuracy']:.1%}, robust {row['accuracy']:.1%}"
                )
                if row.get("utilisation"):
                    said += f", {row['utilisation']:.0%} of peak"
                bar.update(task, completed=row["samples"], said=said)
            elif row["event"] == "evaluation":
                bar.console.print(_evaluated(row), highlight=False)

        yield tick


def _evaluated(row: dict) -> str:
    return (
        f"epoch {row['epoch']}: test accuracy {row['accuracy']:.2%} under attack,"
        f" {row['clean_accuracy']:.2%} clean, loss {row['loss']:.4f}"
    )
