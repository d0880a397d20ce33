"""What advgen says and asks for beside its settings: preset, history, progress."""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import click
from click.core import ParameterSource

from advlib import __version__

EVERY = 60.0  # seconds between lines of progress where there is no terminal
LEAST = 1e-9  # seconds


def apply_preset(
    name: str | None, presets: Mapping[str, Mapping[str, Any]], options: dict[str, Any]
) -> None:
    """Give the options of the command at work the values of a preset.

    Raises UsageError for an option on the command line that the preset decides.
    """
    if name is None:
        return
    context = click.get_current_context()
    if "guidance" in presets[name] and not options["discriminator"]:
        raise click.UsageError(f"--preset {name}: needs --discriminator, and its --extractor")
    for key, value in presets[name].items():
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            spelled = "--" + key.replace("_", "-")
            raise click.UsageError(f"{spelled}: is {value} in --preset {name}")
        options[key] = value


def stopped_sampling(output: str) -> str:
    """What to say of a sampling that a signal stopped."""
    if output == "-":
        return "stopped; with -o NAME its work would have been kept"
    return f"stopped; its work is kept beside {output}, and the same command line goes on"


def deciding_command(left_out: frozenset[str]) -> dict[str, str]:
    """An entry of the history: the command line at work with what decides the images alone.

    left_out: parameters, by their Python names, that decide nothing, as the device: parts of a set
    that were made apart have one history.  Of files only the names are kept.
    """
    context = click.get_current_context()
    tool = context.info_name or ""
    words: list[str] = []
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if not given or param.name in left_out or not param.expose_value:
            continue
        value = context.params[param.name or ""]
        if not isinstance(param, click.Option):
            words.insert(0, os.path.basename(str(value)))
            continue
        name = param.opts[0] if value is not False else (param.secondary_opts or param.opts)[0]
        if param.is_flag:
            words.append(name)
            continue
        for one in value if isinstance(value, tuple) else (value,):
            text = f"{one:.15g}" if isinstance(one, float) else os.path.basename(str(one))
            words += [name, text]
    return {"tool": tool, "version": __version__, "command": shlex.join([tool, *words])}


@contextlib.contextmanager
def sampling_meter(
    total: float, done: float = 0.0, what: str = "images"
) -> Iterator[Callable[[float], None]]:
    """Progress on standard error: a bar on a terminal, else a line at once and every minute.

    done: at the beginning.  Call with how many more are, parts of one too.
    """
    context = click.get_current_context().find_root()
    if (context.obj or {}).get("quiet"):
        yield lambda count: None
        return
    begun, here = time.monotonic(), 0.0

    def line() -> str:
        speed = here / max(time.monotonic() - begun, LEAST)
        left = f", {_time((total - done) / speed)} left" if speed > 0 else ""
        return f"{done:.0f} of {total:.0f} {what}, {speed:.3g} a second{left}"

    if not sys.stderr.isatty():
        said = begun
        click.echo(f"{context.info_name}: {done:.0f} of {total:.0f} {what}", err=True)

        def tell(count: float) -> None:
            nonlocal done, here, said
            done, here = done + count, here + count
            if time.monotonic() - said >= EVERY:
                said = time.monotonic()
                click.echo(f"{context.info_name}: {line()}", err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{done:.0f} of {total:.0f} {what}", total=total)

        def tick(count: float) -> None:
            nonlocal done, here
            done, here = done + count, here + count
            bar.update(task, completed=done, description=line())

        yield tick


def search_meter(evaluations: float) -> AbstractContextManager[Callable[[float], None]]:
    """Progress of a search for noise levels."""
    return sampling_meter(evaluations, what="evaluations of the search for levels")


def _time(seconds: float) -> str:
    """As 1:02:03, or in days from two on."""
    if seconds >= 48 * 3600:
        return f"{seconds / 86400:.1f} days"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
