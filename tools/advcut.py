"""advcut: copy a selection of the images of a shard set."""

import contextlib
import hashlib
import sys

import click

from advlib import cli


@click.command(cls=cli.Tool)
@cli.sets_argument
@cli.keys_option
@cli.images_where_option
@cli.selection_options
@cli.seed_option
@click.option(
    "--layout", type=click.Choice(["chunk", "sample"]), help="Layout to write. [default: as read]"
)
@cli.layout_options
@cli.output_option
def main(sets, keys_file, conditions, layout, chunk, shard, output, seed, invert, **wanted):
    """Copy the images of a set that satisfy all that is asked for, in their order.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. With no
    option that selects, keys are read from standard input.
    """
    from advlib.errors import DataError
    from advlib.shards.chunk import after

    if wanted["stratified"] and wanted["random"] is None:
        raise click.UsageError("--stratified goes with --random")
    piped = not sets or "-" in sets
    if piped and keys_file and cli.stream_name(keys_file) == "<stdin>":
        raise click.UsageError("standard input cannot be both the set and the keys")
    asked = any(value not in (None, False) for value in wanted.values())  # "" is no class
    if not (asked or conditions or keys_file):
        if piped or sys.stdin is None or sys.stdin.isatty():
            raise click.UsageError("nothing is selected; see --help")
        keys_file = sys.stdin.buffer
    twice = wanted["random"] is not None  # a draw reads the set twice, which a pipe cannot
    with cli.seekable(sets) if twice else contextlib.nullcontext(cli.open_images(sets)) as source:
        selection = cli.selection(source, keys_file, conditions, seed=seed, invert=invert, **wanted)
        keys = selection.keys
        read = selection.of_set if source.count is not None else selection.of_stream
        rows = repr(keys and keys.rows).encode()
        job = None if piped else {"set": source.digest, "keys": hashlib.sha256(rows).hexdigest()}
        about = {"class_names": source.class_names, "classes": source.classes, "shard": shard}
        with cli.open_writer(
            output,
            layout or source.layout,
            job,
            source.history,
            chunk=chunk,
            **about,
        ) as writer:
            if not cli.copy(after(read(source), writer.images), writer, None):
                lacks = keys.unmet if keys and not keys.met else None  # keys of another set?
                why = f"; none has a key of {keys.name}, as {lacks[0]!r}" if lacks else ""
                raise DataError(f"{source.name}: no image is selected{why}")
    if keys and (missing := keys.unmet):
        cli.note(
            f"{keys.name}: {len(missing)} of {len(keys.rows)} keys are not in {source.name}; the"
            f" first is {missing[0]!r}"
        )
