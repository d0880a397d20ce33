"""advview: a contact sheet of images, attacked ones beside their originals."""

import itertools
import os
import sys

import click

from advlib import cli

SUFFIXES = (".pdf", ".png", ".svg")
WIDE = 64  # pixels of an image on the sheet, about, where no scale is given


def _target(context, param, value):
    if value != "-" and not value.lower().endswith(SUFFIXES):
        raise click.BadParameter(f"found {value!r}; expected a name in .png, .pdf or .svg, or -")
    return value


@click.command(cls=cli.Tool)
@cli.sets_argument
@cli.keys_option
@cli.images_where_option
@click.option(
    "--by",
    metavar="COLUMN",
    help="Colour borders by this field of the images, or column of the CSV of keys.",
)
@click.option(
    "--first",
    "most",
    type=click.IntRange(min=1),
    default=96,
    show_default=True,
    metavar="N",
    help="Show at most N images.",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Images a row. [default: 8, attacked 3]",
)
@click.option(
    "--scale",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Pixels of the sheet, across, for one of an image. [default: for images 64 wide, about]",
)
@click.option(
    "--magnify",
    type=cli.Count(),
    default="16",
    show_default=True,
    metavar="X",
    help="Factor of the difference between adversarial and clean image.",
)
@click.option("--title", metavar="TEXT", default="", help="Heading of each page.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    callback=_target,
    help="Picture to write: .png or .svg, one page; .pdf, pages of 12 rows; - for PNG on standard "
    "output.",
)
def main(sets, keys_file, conditions, by, most, columns, scale, magnify, title, output):
    """Draw images with their classes, predictions and keys on a sheet.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. Of
    attacked images the clean one, the adversarial one and their magnified difference are shown.
    """
    from advlib.figures import sheet, tile
    from advlib.shards.chunk import first

    source = cli.open_images(sets)
    selection = cli.selection(source, keys_file, conditions, also=[by] if by else [])
    wanted = selection.of_set if source.count is not None else selection.of_stream
    chunks = first(wanted(source), most + 1)
    names = source.class_names or ()
    tiles = tile.tiles(
        chunks,
        lambda label: names[label] if label < len(names) else str(label),
        selection.column(by) if by else None,
    )
    shown = list(itertools.islice(tiles, most))
    if next(tiles, None) is not None:
        cli.note(f"showing the first {most} images; --first N shows more")
    others = {tile.category for tile in shown if tile.category} - sheet.CATEGORIES.keys()
    if len(others) > len(sheet.OTHERS):
        cli.note(f"{len(others)} categories share {len(sheet.OTHERS)} colours")
    attacked = "adversarial" in source.fields
    columns = columns or (3 if attacked else 8)
    suffix = ".png" if output == "-" else os.path.splitext(output)[1].lower()
    rows = 12 if suffix == ".pdf" else -(-len(shown) // columns) or 1
    scale = scale or max(1, round(WIDE / source.shape[1]))
    figures = sheet.pages(shown, columns, rows, scale, magnify, keys=True, title=title)
    if output == "-":
        if sys.stdout.isatty():
            raise click.UsageError("a picture is binary; name a file with -o, or pipe it on")
        sheet.save(figures, sys.stdout.buffer, suffix)
    else:
        with cli.atomic_write(output) as file:
            sheet.save(figures, file, suffix)
