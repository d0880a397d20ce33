"""advpack: put a data set into shards."""

import contextlib
import os

import click

from advlib import cli

SPLITS = ("train", "test", "validation", "train-rest", "extra")


def _classes(context, param, value):
    """Class names, or how many classes there are: what `--classes` says."""
    if value is None:
        return {}
    from advlib.shards import layouts
    from advlib.shards.sources.names import CLASSES

    if value.isdecimal() and 0 < int(value) <= layouts.CLASSES:
        return {"classes": int(value)}
    names = CLASSES.get(value) or tuple(name.strip() for name in value.split(","))
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise click.BadParameter(
            f"found {value!r}; expected a count of at most {layouts.CLASSES}, different names"
            f" separated by commas, or one of {', '.join(CLASSES)}"
        )
    return {"class_names": names}


@click.command(cls=cli.Tool)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Part of a named data set, or of idx files. [default: train]",
)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder that holds a named data set, or takes its download. [default: ~/.cache/advtools]",
)
@click.option(
    "--layout",
    type=click.Choice(["chunk", "sample"]),
    help="Layout to write. [default: chunk]",
)
@cli.layout_options
@click.option("--shuffle", is_flag=True, help="Write the images in a random order.")
@cli.seed_option
@click.option("--renumber", is_flag=True, help="Number the images anew instead of keeping keys.")
@click.option(
    "--classes",
    "about",
    metavar="N|NAMES",
    callback=_classes,
    help="How many classes there are, their names separated by commas, or the data set whose "
    "names they bear, as cifar10.",
)
@cli.output_option
def main(sources, split, root, layout, chunk, shard, shuffle, seed, renumber, about, output):
    """Put the images of a data set into shards.

    SOURCE is the name of a data set (digits, which is built in and the default; cifar10, cifar100,
    svhn, fashion-mnist, mnist), a .npz or HDF5 file with image and label, a folder with a folder
    of images per class, a folder of idx files, or shards to be packed anew; "-" means shards on
    standard input.
    """
    from advlib.shards.chunk import renumbered
    from advlib.shards.shuffle import shuffled

    source, identity, history, known = _open(sources, split, root, about.get("class_names"))
    if about.get("classes") not in (None, len(known["class_names"] or ())):
        known["class_names"] = None  # names that are not as many are of other classes
    job = None if identity is None else {"source": identity, "seed": seed, "shuffle": shuffle}
    writer = cli.open_writer(
        output, layout or "chunk", job, history, chunk=chunk, shard=shard, **known | about
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(writer)
        done = writer.images
        if not shuffle:
            chunks = source.chunks() if source.count is None else source.chunks(done)
        else:
            folder = stack.enter_context(_scratch(writer, output))
            chunks = shuffled(source.chunks(), source.count, seed, folder, done)
        cli.copy(renumbered(chunks, done) if renumber else chunks, writer, source.count)


def _open(sources, split, root, class_names):
    """A source or a shard set; what identifies it, its history, and what it says of classes."""
    from advlib.shards.index import holds_shards
    from advlib.shards.sources import open_source
    from advlib.shards.sources.names import CLASSES

    if not sources:
        cli.note("no SOURCE: packing digits, the built-in data set")
        sources = ("digits",)
    if sources[0] not in CLASSES and (sources[0] == "-" or holds_shards(sources[0])):
        if split or root:
            raise click.UsageError("--split and --root go with a named data set")
        shards = cli.open_images(sources)
        known = {"class_names": shards.class_names, "classes": shards.classes}
        identity = None if shards.count is None else {"digest": shards.digest}
        return shards, identity, shards.history, known
    if len(sources) > 1:
        raise click.UsageError(f"found {len(sources)} sources; expected one, or shards")
    source = open_source(sources[0], split, root, class_names)
    return source, source.identity, [], {"class_names": source.class_names}


@contextlib.contextmanager
def _scratch(writer, output):
    """A folder for what a shuffle keeps on disk; beside the set it outlives a kill."""
    if output == "-":
        with cli.temporary_folder() as folder:
            yield folder
    else:
        folder = os.path.join(writer.partial, "shuffle")
        os.makedirs(folder, exist_ok=True)
        yield folder
