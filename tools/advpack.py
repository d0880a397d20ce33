"""advpack: put a data set into shards."""

import contextlib

import click

from advlib import cli
from advlib.settings import Rule, when_absent, when_given
from advlib.shards.constants import MOST_CLASSES
from advlib.shards.splits import EXTRA, SPLITS


def _is_data_set(found):
    from advlib.shards.packing import are_shards

    return not are_shards(found["sources"])


def _names(context, param, value):
    from advlib.errors import DataError
    from advlib.shards.packing import parse_class_names

    try:
        return None if value is None else parse_class_names(value)
    except DataError as err:
        raise click.BadParameter(str(err)) from None


OF_DATA_SET = (Rule(_is_data_set, "goes with a data set, not with shards"),)


@click.command(cls=cli.Tool)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@cli.option(
    "--split",
    type=click.Choice([*SPLITS, EXTRA]),
    help="Part of a named data set, or of idx files. [default: train]",
    applies=OF_DATA_SET,
)
@cli.option(
    "--root",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder that holds a named data set, or takes its download. [default: ~/.cache/advtools]",
    applies=OF_DATA_SET,
)
@cli.layout_options("chunk")
@click.option("--shuffle", is_flag=True, help="Write the images in a random order.")
@cli.seed_option(applies=when_given("shuffle"))
@click.option("--renumber", is_flag=True, help="Number the images anew instead of keeping keys.")
@cli.option(
    "--classes",
    type=cli.Whole(1, MOST_CLASSES),
    metavar="N",
    help="How many classes there are.",
    applies=when_absent("class_names"),
)
@click.option(
    "--class-names",
    metavar="NAME,...",
    callback=_names,
    help="Names of the classes, in order of label, or the data set whose names they bear, as "
    "cifar10.",
)
@cli.output_option
@cli.pixels_option
def main(
    sources,
    split,
    root,
    layout,
    chunk,
    shard,
    shuffle,
    seed,
    renumber,
    classes,
    class_names,
    output,
):
    """Put the images of a data set into shards.

    SOURCE is the name of a data set (digits, which is built in and the default; cifar10, cifar100,
    svhn, fashion-mnist, mnist), a .npz or HDF5 file with image and label, a folder with a folder
    of images per class, a folder of idx files, or shards to be packed anew; "-" means shards on
    standard input.
    """
    from advlib.shards import packing

    if not sources:
        cli.note("no SOURCE: packing digits, the built-in data set")
        sources = ("digits",)
    if cli.moved_into_place(output, sources):
        return
    if packing.are_shards(sources):
        packed = packing.from_shards(cli.open_images(sources))
    else:
        packed = packing.from_data_set(sources, split, root, class_names)
    packed = packed.with_classes(classes, class_names)
    writer = cli.open_writer(
        output,
        layout or "chunk",
        packed.source.shape,
        packed.job(seed, shuffle),
        packed.history,
        chunk=chunk,
        shard=shard,
        class_names=packed.class_names,
        classes=packed.classes,
    )
    with writer, cli.shuffle_folder(writer) if shuffle else contextlib.nullcontext() as folder:
        chunks = packed.chunks(writer.images, seed, folder, renumbered=renumber)
        cli.copy(chunks, writer, packed.source.count)
