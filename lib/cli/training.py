"""What commands of training share: the share of real images, progress on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction

import click

from advlib.cli.options import option
from advlib.numbers import parse_fraction
from advlib.settings import when_given
from advlib.training.settings import TrainingImages

Words = Callable[[dict], str]  # of a row of the log


def _share(context: click.Context, param: click.Parameter, value: str) -> Fraction:
    try:
        share = parse_fraction(value)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"found {value!r}; expected a fraction, as 1/8") from None
    if not 0 < share < 1:
        raise click.BadParameter(f"found {value!r}; expected above 0 and below 1")
    return share


share_option = option(
    "--share",
    default=str(TrainingImages.share),
    show_default=True,
    callback=_share,
    metavar="FRACTION",
    help="Share of real images in a batch.",
    applies=when_given("real"),
)


@contextlib.contextmanager
def training_meter(images: int, event: str = "evaluation") -> Iterator[Callable[[dict], None]]:
    """Progress of a run of `images` on standard error: a bar on a terminal, and lines.

    event: that of the rows which are a line each, a key of LINES.  Call with each row of its log.
    """
    context = click.get_current_context().find_root()
    if (context.obj or {}).get("quiet"):
        yield lambda row: None
        return
    line = LINES[event]
    if not sys.stderr.isatty():
        yield (
            lambda row: (
                click.echo(f"{context.info_name}: {line(row)}", err=True)
                if row["event"] == event
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
        task = bar.add_task(str(context.info_name), total=images, said="")

        def tick(row: dict) -> None:
            if row["event"] == "progress":
                bar.update(task, completed=row["samples"])
            elif row["event"] == "step":
                bar.update(task, said=_of_steps(row))
            elif row["event"] == event:
                bar.console.print(line(row), highlight=False)

        yield tick


def _of_steps(row: dict) -> str:
    said = f"{row['images_per_second']:.0f} images/s, loss {row['loss']:.3f}"
    if "accuracy" in row:
        said += f", clean {row['clean_accuracy']:.1%}, robust {row['accuracy']:.1%}"
    if row.get("utilisation"):
        said += f", {row['utilisation']:.0%} of peak"
    return said


def _evaluated(row: dict) -> str:
    return (
        f"epoch {row['epoch']}: test accuracy {row['accuracy']:.2%} under attack,"
        f" {row['clean_accuracy']:.2%} clean, loss {row['loss']:.4f}"
    )


def _snapshot(row: dict) -> str:
    sheet = f", {row['sheet']}" if row["sheet"] else ""
    return f"{row['samples']} images: loss {row['loss']:.4f}{sheet}"


LINES: dict[str, Words] = {"evaluation": _evaluated, "snapshot": _snapshot}
