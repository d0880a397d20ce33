"""The option that names a figure's file, and the file."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

import click

from advlib.figures.formats import SUFFIXES, suffix_of
from advlib.jobs.files import atomic_write


def check_figure_suffix(
    context: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """A file's name as it is; BadParameter for one whose suffix is of no format of figures."""
    if value not in (None, "-") and not suffix_of(value):
        expected = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise click.BadParameter(f"found {value!r}; expected a name that ends in {expected}, or -")
    return value


def figure_option(help: str) -> Callable:
    """`--output`: the file of a figure, in the format of its suffix, or standard output."""
    return click.option(
        "-o", "--output", required=True, metavar="FILE", callback=check_figure_suffix, help=help
    )


@contextlib.contextmanager
def figure_file(output: str) -> Iterator[BinaryIO]:
    """The file to write a figure into; under its own name it appears only when complete.

    Raises UsageError for standard output where that is a terminal.
    """
    if output != "-":
        with atomic_write(output) as file:
            yield file
        return
    if sys.stdout.isatty():
        raise click.UsageError("a picture is binary; name a file with -o, or pipe it on")
    whole = io.BytesIO()  # a figure that fails half-way prints nothing
    yield whole
    sys.stdout.buffer.write(whole.getvalue())
