"""Options and steps that every command has which reads or writes shards of images."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from advlib.cli.number_types import Whole
from advlib.cli.options import option
from advlib.cli.output import history_entry, note
from advlib.settings import Rule, when_given
from advlib.shards.constants import IMAGES_PER_CHUNK, IMAGES_PER_SHARD, LAYOUTS
from advlib.shards.image_size import MOST_PIXELS, images_at_once, limit_pixels

if TYPE_CHECKING:
    from advlib.shards.archive import StreamWriter
    from advlib.shards.chunk import Chunk
    from advlib.shards.reader import ShardSet
    from advlib.shards.stream import ShardStream
    from advlib.shards.tar import Readable

WRITES = when_given("output")
NO_CHUNKS = "the sample layout has no chunks"

sets_argument = click.argument("sets", nargs=-1, metavar="[SET]...")


def _limit_pixels(context: click.Context, param: click.Parameter, value: int) -> None:
    limit_pixels(value)


pixels_option = click.option(
    "--max-pixels",
    type=Whole(min=1),
    metavar="N",
    default=MOST_PIXELS,
    show_default=True,
    expose_value=False,
    callback=_limit_pixels,
    help="Refuse images of more than N pixels.",
)

output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="NAME",
    help="Name of the shard set to write, as data/train; one file, as x.tar; - for standard "
    "output.",
)


def _is_set_name(found: Mapping[str, Any]) -> bool:
    """Whether the output is a set of several files, not one archive."""
    output = found["output"]
    return output is None or not (output == "-" or output.endswith(".tar"))


def layout_options(usual: str) -> Callable:
    """`--layout`, `--chunk` and `--shard`: the form of the shards that are written.

    usual: the layout where none is named, in words.
    """
    options = [
        option(
            "--layout",
            type=click.Choice(LAYOUTS),
            help=f"Layout to write. [default: {usual}]",
            applies=WRITES,
        ),
        option(
            "--chunk",
            type=Whole(min=1),
            metavar="N",
            help=f"Images of a chunk, in the chunk layout. [default: {IMAGES_PER_CHUNK}, fewer"
            " of large ones]",
            applies=(*WRITES, Rule(lambda found: found["layout"] != "sample", NO_CHUNKS)),
        ),
        option(
            "--shard",
            type=Whole(min=1),
            metavar="N",
            help="Images of a shard, in a set of files. "
            f"[default: {IMAGES_PER_SHARD['chunk']} in chunks, else {IMAGES_PER_SHARD['sample']}]",
            applies=(*WRITES, Rule(_is_set_name, "one archive holds all images, however many")),
        ),
    ]

    def decorate(command: Any) -> Any:
        for each in reversed(options):
            command = each(command)
        return command

    return decorate


def in_files(found: Mapping[str, Any]) -> bool:
    """Whether the sets that a command reads are named, and so not standard input."""
    return bool(found["sets"]) and "-" not in found["sets"]


def open_images(specs: Sequence[str]) -> "ShardSet | ShardStream":
    """A ShardSet of the sets named, or a ShardStream of standard input for `-` or nothing."""
    from advlib.errors import DataError
    from advlib.shards.reader import open_set
    from advlib.shards.stream import ShardStream

    source: ShardSet | ShardStream
    if specs and "-" not in specs:
        source = open_set(specs)
    else:
        if len(specs) > 1:
            raise DataError("- is standard input and goes with no other set")
        source = ShardStream(standard_input(), "<stdin>")
    say_left_out(source)
    return source


def say_left_out(source: "ShardSet | ShardStream") -> None:
    """Say what of a set is not read: shards that may be missing, fields of other kinds."""
    from advlib.shards.set_files import GAP

    for path in getattr(source, "gaps", ()):
        note(f"{path}: {GAP}")
    if source.skipped:
        note(f"{source.name}: not carried along: fields {', '.join(sorted(source.skipped))}")


@contextlib.contextmanager
def seekable(specs: Sequence[str]) -> Iterator["ShardSet"]:
    """A ShardSet of the sets named; standard input is kept in a temporary file meanwhile."""
    from advlib.errors import CannotError, DataError
    from advlib.shards.reader import ShardSet
    from advlib.shards.set_files import SetFiles

    if specs and "-" not in specs:
        yield cast("ShardSet", open_images(specs))
        return
    with temporary_folder() as folder:
        path = os.path.join(folder, "stdin.tar")
        try:
            with open(path, "wb") as file:
                shutil.copyfileobj(cast(BinaryIO, standard_input()), file, 1 << 20)
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


@contextlib.contextmanager
def shuffle_folder(writer: "StreamWriter") -> Iterator[str]:
    """A folder for what a shuffle keeps on disk; beside a set it outlives a kill."""
    from advlib.shards.writer import Writer

    if isinstance(writer, Writer):
        yield writer.make_folder("shuffle")
    else:
        with temporary_folder() as folder:
            yield folder


def open_writer(
    output: str,
    layout: str,
    shape: Sequence[int],
    job: dict | None,
    history: Sequence[dict] = (),
    *,
    chunk: int | None = None,
    shard: int | None = None,
    class_names: Sequence[str] | None = None,
    classes: int | None = None,
) -> "StreamWriter":
    """A context that writes a set, or standard output where `output` is `-`.

    shape: of an image.  job: what identifies the work beside the command line, so that a killed
    one goes on; None where it cannot, as from a pipe.  history: of what is read.  class_names,
    classes: None where not known.
    """
    from advlib.errors import DataError
    from advlib.shards.archive import StreamWriter
    from advlib.shards.writer import Writer

    if layout == "sample" and chunk is not None:
        raise DataError(f"--chunk: {NO_CHUNKS}")
    known: dict[str, Any] = {
        "chunk": chunk or images_at_once(shape),
        "class_names": class_names,
        "classes": classes,
        "history": [*history, history_entry()],
    }
    if output != "-":
        return Writer(output, layout, shard=shard, job=job, **known)
    if sys.stdout.isatty():
        raise DataError("shards are binary; name a set with -o, or pipe them on")
    return StreamWriter(sys.stdout.buffer, layout, **known)


def copy(chunks: Iterable["Chunk"], writer: "StreamWriter", total: int | None) -> int:
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
        task = bar.add_task(
            click.get_current_context().info_name or "", total=total, completed=done
        )
        yield lambda count: bar.advance(task, count)


def standard_input() -> "Readable":
    """Standard input as a binary file, if something is piped in."""
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("no input: name a set, or pipe one in")
    return cast("Readable", sys.stdin.buffer)
