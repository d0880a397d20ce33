"""advview: a contact sheet of images, attacked ones beside their originals."""

import click

from advlib import cli
from advlib.figures.formats import suffix_of


@click.command(cls=cli.Tool)
@cli.sets_argument
@cli.keys_option
@cli.images_where_option
@click.option(
    "--colour-by",
    metavar="COLUMN",
    help="Colour borders by this field of the images, or column of the CSV of keys.",
)
@click.option(
    "--judgements",
    type=click.File("rb"),
    metavar="FILE",
    help="Write under attacked images what judges said of them, in a table of advjudge or advquiz.",
)
@click.option(
    "--first",
    "most",
    type=cli.Whole(min=1),
    default=96,
    show_default=True,
    metavar="N",
    help="Show at most N images.",
)
@click.option(
    "--per-row",
    type=cli.Whole(1, 1000),
    metavar="N",
    help="Images a row. [default: 8, attacked 3]",
)
@click.option(
    "--scale",
    type=cli.Whole(1, 64),
    metavar="N",
    help="Pixels of the sheet, across, for one of an image. [default: for images 64 wide, about]",
)
@click.option(
    "--magnify",
    type=cli.Count(),
    metavar="X",
    help="Factor of the difference between adversarial and clean image. [default: 16]",
)
@click.option("--title", metavar="TEXT", default="", help="Heading of each page.")
@cli.figure_option(
    "Picture to write: .png or .svg, one page; .pdf, pages of 12 rows; - for PNG on standard "
    "output."
)
@cli.pixels_option
def main(sets, keys_file, conditions, colour_by, judgements, most, output, **look):
    """Draw images with their classes, predictions and keys on a sheet.

    SET is a set's name, its .tar files or its folder; "-" or nothing means standard input. Of
    attacked images the clean one, the adversarial one and their magnified difference are shown.
    """
    from advlib.figures import contact_sheet

    source = cli.open_images(sets)
    also = [colour_by] if colour_by else []
    selection = cli.selection(source, keys_file, conditions, also)
    suffix = suffix_of(output) or ".png"
    page = contact_sheet.images_per_page(source, suffix, look["per_row"])
    said = cli.said_by_judges(judgements)
    tiles, more = contact_sheet.select_tiles(source, selection, colour_by, most, page, said)
    figures = contact_sheet.draw_selection(source, tiles, suffix, **look)
    if more:
        cli.note(f"showing the first {most} images; --first N shows more")
    if remark := contact_sheet.shared_colours(tiles):
        cli.note(remark)
    with cli.figure_file(output) as file:
        contact_sheet.save(figures, file, suffix)
