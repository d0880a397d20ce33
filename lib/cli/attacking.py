"""Options of attacks, and their progress on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction

import click

from advlib.cli.options import Count

RADII = {"Linf": "8/255", "L2": "0.5", "L1": "12"}  # as RobustBench and AutoAttack have them


def pgd_options(command):
    """`--steps`, `--step-size`, `--loss`, `--restarts` and `--targets`."""
    options = [
        click.option("--steps", type=click.IntRange(min=0), help="Steps of PGD. [default: 40]"),
        click.option("--step-size", type=Count(), help="Its step. [default: a quarter of eps]"),
        click.option(
            "--loss", type=click.Choice(["cw", "ce", "kl", "dlr"]), help="Its loss. [default: cw]"
        ),
        click.option(
            "--restarts",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Its random starts.",
        ),
        click.option(
            "--targets",
            type=click.IntRange(min=1),
            help="Aim at the strongest N other classes in turn. [default: at none]",
            metavar="N",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def parse_radius(text: str | None, norm: str, numbers: int) -> Fraction:
    """A radius in `norm` for images of so many numbers in [0, 1], exact.

    Raises click.BadParameter for what is none, and for one that holds all images.
    """
    text = RADII[norm] if text is None else text
    try:
        radius = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise _no_radius(f"found {text!r}; expected a radius, as 8/255") from None
    most = {"Linf": 1.0, "L2": numbers**0.5, "L1": float(numbers)}[norm]
    if radius <= 0:
        raise _no_radius(f"found {text!r}; expected a radius above 0")
    if radius >= most:
        meant = f": did you mean {text}/255?" if norm == "Linf" else ""
        raise _no_radius(
            f"found {text}; images are in [0, 1], and any other is within {most:g}{meant}"
        )
    return radius


def _no_radius(text: str) -> click.BadParameter:
    return click.BadParameter(text, param_hint="'--eps'")


@contextlib.contextmanager
def attack_meter(total: int) -> Iterator[Callable]:
    """Progress of an attack on `total` images: a bar on a terminal, a line a stage elsewhere.

    Call with each advlib.attacks.job.Progress.
    """
    context = click.get_current_context().find_root()
    if (context.obj or {}).get("quiet"):
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        before = [None]

        def line(progress) -> None:
            if progress.stage != before[0]:
                before[0] = progress.stage
                click.echo(f"{context.info_name}: {_said(progress, total)}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[time]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, time="")
        spent = bar.get_time()

        def tick(progress) -> None:
            time = progress.remaining
            done = 0.0 if time is None else (gone := bar.get_time() - spent) / (gone + time)
            said = "" if time is None else _duration(time)
            bar.update(task, completed=done, description=_said(progress, total), time=said)

        yield tick


def _said(progress, total: int) -> str:
    of = "all" if progress.seen == total else f"{progress.seen} of {total}"
    return (
        f"{progress.stage}: images left {progress.left}; robust accuracy so far"
        f" {progress.robust / progress.seen:.2%} of {of} images"
    )


def _duration(seconds: float) -> str:
    """Time left, as 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} left" if hours else f"{minutes}:{seconds:02d} left"
