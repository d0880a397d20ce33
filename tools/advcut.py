"""advcut: copy a selection of the images of a shard set."""

import contextlib

import click

from advlib import cli
from advlib.settings import when_given


@click.command(cls=cli.Tool)
@cli.sets_argument
@cli.keys_option
@cli.images_where_option
@cli.selection_options
@cli.seed_option(applies=when_given("random"))
@cli.layout_options("as read")
@cli.output_option
@cli.pixels_option
def main(sets, keys_file, conditions, layout, chunk, shard, output, seed, invert, **wanted):
    """Copy the images of a set that satisfy all that is asked for, in their order.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. With no
    option that selects, keys are read from standard input.
    """
    from advlib.shards.chunk import skip_images

    if cli.moved_into_place(output, sets):
        return
    asked = any(value not in (None, False) for value in wanted.values())  # "" is no class
    if not (asked or conditions):
        keys_file = cli.keys_from_standard_input(keys_file, piped=not sets or "-" in sets)
    twice = wanted["random"] is not None  # a draw reads the set twice, which a pipe cannot
    with cli.seekable(sets) if twice else contextlib.nullcontext(cli.open_images(sets)) as source:
        selection = cli.selection(source, keys_file, conditions, seed=seed, invert=invert, **wanted)
        writer = cli.open_writer(
            output,
            layout or source.layout,
            source.shape,
            selection.job(source) if sets and "-" not in sets else None,
            source.history,
            chunk=chunk,
            shard=shard,
            class_names=source.class_names,
            classes=source.classes,
        )
        with writer:
            chunks = skip_images(selection.images(source), writer.images)
            if not cli.copy(chunks, writer, None):
                raise selection.empty(source)
    if selection.keys and (remark := selection.keys.remark(source.name)):
        cli.note(remark)
