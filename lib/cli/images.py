"""Options and steps that every command has which reads or writes shards of images."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from advlib.cli.output import history_entry, note

sets_argument = click.argument("sets", nargs=-1, metavar="[SET]...")

output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="NAME",
    help="Name of the shard set to write, as data/train; one file, as x.tar; - for standard "
    "output.",
)


def layout_options(command):
    """`--layout`, `--chunk` and `--shard`: the form of the shards that are written."""
    command = click.option(
        "--shard",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images of a shard, in a set of files. [default: 100000 in chunks, else 10000]",
    )(command)
    return click.option(
        "--chunk",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images of a chunk, in the chunk layout. [default: 1000]",
    )(command)


def open_images(specs: Sequence[str]):
    """A ShardSet of the sets named, or a ShardStream of standard input for `-` or nothing."""
    from advlib.errors import DataError
    from advlib.shards.reader import open_set
    from advlib.shards.stream import ShardStream

    if specs and "-" not in specs:
        source = open_set(specs)
    else:
        if len(specs) > 1:
            raise DataError("- is standard input and goes with no other set")
        source = ShardStream(standard_input(), "<stdin>")
    if source.skipped:
        note(f"{source.name}: not carried along: fields {', '.join(sorted(source.skipped))}")
    return source


@contextlib.contextmanager
def seekable(specs: Sequence[str]) -> Iterator:
    """A ShardSet of the sets named; standard input is kept in a temporary file meanwhile."""
    from advlib.errors import CannotError, DataError
    from advlib.shards.index import SetFiles
    from advlib.shards.reader import ShardSet

    if specs and "-" not in specs:
        yield open_images(specs)
        return
    with temporary_folder() as folder:
        path = os.path.join(folder, "stdin.tar")
        try:
            with open(path, "wb") as file:
                shutil.copyfileobj(standard_input(), file, 1 << 20)
        except OSError as err:
            raise CannotError(f"{path}: {err.strerror}") from err
        if not os.path.getsize(path):
            raise DataError("<stdin>: empty; expected shards")
        yield ShardSet([SetFiles("<stdin>", (path,), None)])


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder that goes with the context, also where the reader of standard output leaves: then
    SIGPIPE would end the process at once, and the folder stay.
    """
    from advlib.errors import CannotError

    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        with tempfile.TemporaryDirectory(prefix="advtools-") as folder:
            yield folder
    except (CannotError, BrokenPipeError) as err:
        if isinstance(err, BrokenPipeError) or isinstance(err.__cause__, BrokenPipeError):
            sys.exit(128 + signal.SIGPIPE)
        raise
    finally:
        signal.signal(signal.SIGPIPE, before)


def open_writer(output: str, layout: str, job: dict | None, history=(), **about):
    """A context that writes a set, or standard output where `output` is `-`.

    job: what identifies the work beside the command line, so that a killed one goes on; None
    where it cannot, as from a pipe.  history: of what is read.  about: `chunk`, `shard`,
    `class_names`, `classes`; None where not known.
    """
    from advlib.errors import DataError
    from advlib.shards.archive import StreamWriter
    from advlib.shards.writer import Writer

    about = {key: value for key, value in about.items() if value is not None}
    about["history"] = [*history, history_entry()]
    if layout == "sample" and "chunk" in about:
        raise DataError("--chunk: the sample layout has no chunks")
    if "shard" in about and (output == "-" or output.endswith(".tar")):
        raise DataError(f"--shard: {output} is one archive")
    if output != "-":
        return Writer(output, layout, job=job, **about)
    if sys.stdout.isatty():
        raise DataError("shards are binary; name a set with -o, or pipe them on")
    return StreamWriter(sys.stdout.buffer, layout, **about)


def copy(chunks: Iterable, writer, total: int | None) -> int:
    """Write all chunks, with progress on standard error; returns how many images there are now.

    total: how many there will be, None where that is not known.
    """
    if writer.images:
        note(f"going on after {writer.images} images that a killed run left")
    count = writer.images
    with meter(total, count) as advance:
        for chunk in chunks:
            writer.write(chunk)
            advance(len(chunk))
            count += len(chunk)
    return count


@contextlib.contextmanager
def meter(total: int | None, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Progress in images on standard error, where that is a terminal; call with each count."""
    if not sys.stderr.isatty() or (click.get_current_context().find_root().obj or {}).get("quiet"):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(click.get_current_context().info_name, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


def standard_input():
    """Standard input as a binary file, if something is piped in."""
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("no input: name a set, or pipe one in")
    return sys.stdin.buffer
