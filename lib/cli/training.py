"""Progress of a training run on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import click


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
