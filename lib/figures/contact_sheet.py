"""Contact sheets: images pixel by pixel with their names, attacked ones beside their originals.

The manner is that of Figures 2, 15, 19 and 21 of Bartoldson et al., "Adversarial Robustness Limits
via Scaling-Law and Human-Alignment Studies", ICML 2024.
"""

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures.canvas import house_style
from advlib.figures.sheet_page import CATEGORIES, MOST_PIXELS, OTHERS, Page, SheetSettings
from advlib.figures.sheet_tile import MAGNIFY, Tile, check_tile, tiles_of
from advlib.shards.chunk import shape_text, take_images
from advlib.shards.reader import ShardSet
from advlib.shards.selection import Selection
from advlib.shards.stream import ShardStream

PER_ROW, ATTACKED_PER_ROW = 8, 3  # images a row; attacked ones take three places each
ROWS, SCALE = 12, 2  # of a page; pixels of the sheet, across, for one of an image
WIDE = 64  # pixels of an image on the sheet, about, where no scale is given
SHARP = b'style="image-rendering:crisp-edges;image-rendering:pixelated" '


def draw_selection(
    source: ShardSet | ShardStream,
    tiles: Sequence[Tile],
    suffix: str,
    *,
    per_row: int | None = None,
    scale: int | None = None,
    magnify: float | None = None,
    title: str = "",
) -> Iterator[Figure]:
    """Pages of the tiles of a set, for a file in the format `suffix`: one, unless it is .pdf.

    per_row, scale, magnify: by default as fits the images.
    Raises DataError where magnify is given but no image is attacked, and as `pages` does.
    """
    attacked = "adversarial" in source.fields
    if magnify is not None and not attacked:
        raise DataError(f"{source.name}: no adversarial images, so no difference to magnify")
    per_row = per_row or _usual_per_row(source)
    rows = ROWS if suffix == ".pdf" else -(-len(tiles) // per_row) or 1
    scale = scale or max(1, round(WIDE / source.shape[1]))
    return pages(tiles, per_row, rows, scale, magnify or MAGNIFY, keys=True, title=title)


def images_per_page(source: ShardSet | ShardStream, suffix: str, per_row: int | None) -> int | None:
    """How many images of a set a page has in the format `suffix`; None for all that are drawn."""
    return ROWS * (per_row or _usual_per_row(source)) if suffix == ".pdf" else None


def _usual_per_row(source: ShardSet | ShardStream) -> int:
    return ATTACKED_PER_ROW if "adversarial" in source.fields else PER_ROW


def select_tiles(
    source: ShardSet | ShardStream,
    selection: Selection,
    colour_by: str | None,
    most: int,
    page: int | None = None,
    said: Callable[[str], str] = lambda key: "",
) -> tuple[list[Tile], bool]:
    """The first `most` images of a selection of a set, and whether there are more.

    colour_by: the field of the images, or column of the selection's keys, that is their category.
    page: how many are drawn on a page; None for all.  said: as of tiles_of.
    Raises DataError for more pixels than a page can have, before memory is full of them.
    """
    names = source.class_names or ()
    tiles = tiles_of(
        take_images(selection.images(source), most + 1),
        lambda label: names[label] if label < len(names) else str(label),
        selection.column(colour_by) if colour_by else None,
        said,
    )
    shown = []
    for tile in itertools.islice(tiles, most):
        shown.append(tile)
        count = min(len(shown), page or most)
        if count * math.prod(source.shape[:2]) > MOST_PIXELS:
            raise DataError(
                f"{source.name}: {count} images of {shape_text(source.shape)} on a page are too"
                f" large to draw: it has {MOST_PIXELS} pixels at most; take fewer or smaller images"
            )
    return shown, next(tiles, None) is not None


def shared_colours(tiles: Iterable[Tile]) -> str:
    """How many categories share how many colours, in words; "" where each has its own."""
    others = {tile.category for tile in tiles if tile.category} - CATEGORIES.keys()
    if len(others) <= len(OTHERS):
        return ""
    return f"{len(others)} categories share {len(OTHERS)} colours"


def pages(
    tiles: Iterable[Tile],
    per_row: int = PER_ROW,
    rows: int = ROWS,
    scale: int = SCALE,
    magnify: float = MAGNIFY,
    *,
    keys: bool = False,
    title: str = "",
) -> Iterator[Figure]:
    """Pages of `rows` rows of `per_row` tiles, each pixel as `scale` x `scale` pixels.

    Tiles are read page by page.  An attacked tile shows its clean image, its adversarial one and
    their difference times `magnify` (see `difference`).  A border shows the category, which keeps
    its colour on all pages; on a page without categories, whether the prediction is right.
    keys: write keys too.  The figures are to be written by `save`.

    Raises DataError where per_row, rows or scale is below 1, magnify is not above 0, a page is too
    large to draw, an image is not as Tile says, shapes differ, or only some tiles are attacked.
    """
    for name, value in (("per_row", per_row), ("rows", rows), ("scale", scale)):
        if value < 1:
            raise DataError(f"{name} is {value}: expected at least 1")
    if not 0 < magnify < math.inf:
        raise DataError(f"magnification is {magnify}: expected a number above 0")
    return _pages(iter(tiles), rows, SheetSettings(per_row, scale, magnify, keys, title))


def save(figures: Figure | Iterable[Figure], file: BinaryIO, suffix: str) -> None:
    """Write pages as .pdf, or the only page as .png or .svg: the same pages, the same bytes.

    One pixel of the raster is one pixel of the PNG.  Pages are drawn one at a time, but Matplotlib
    keeps the rasters of a PDF until its end, some 8 bytes a pixel.

    Raises DataError where there is no page, or more than one and `suffix` is not .pdf.
    """
    stream = iter([figures] if isinstance(figures, Figure) else figures)
    first = next(stream, None)
    if first is None:
        raise DataError("there are no images to show")
    if suffix != ".pdf" and next(stream, None) is not None:
        raise DataError(f"{suffix} holds one page, the images fill more: write .pdf or take fewer")
    with house_style():
        if suffix == ".pdf":
            with PdfPages(file, metadata={"CreationDate": None}) as pdf:
                for figure in itertools.chain([first], stream):
                    pdf.savefig(figure, dpi="figure")
        elif suffix == ".svg":
            text = io.BytesIO()
            first.savefig(text, format="svg", dpi="figure", metadata={"Date": None})
            # Matplotlib asks viewers for sharp pixels only of images that it leaves them to scale
            file.write(text.getvalue().replace(b"<image ", b"<image " + SHARP, 1))
        else:
            first.savefig(file, format="png", dpi="figure")


def _pages(tiles: Iterator[Tile], rows: int, settings: SheetSettings) -> Iterator[Figure]:
    colours = dict(CATEGORIES)
    first: Tile | None = None
    while page := list(itertools.islice(tiles, rows * settings.per_row)):
        if first is None:  # it is as small as its tiles allow, the pages after it as large as it is
            first = page[0]
            settings = replace(settings, per_row=min(settings.per_row, len(page)))
            rows = math.ceil(len(page) / settings.per_row)
        for tile in page:
            check_tile(tile, first)
            if tile.category and tile.category not in colours:
                colours[tile.category] = OTHERS[(len(colours) - len(CATEGORIES)) % len(OTHERS)]
        with house_style():
            figure = Page(page, rows, settings, colours).figure()
        yield figure
