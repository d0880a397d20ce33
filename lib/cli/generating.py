"""What commands of generators share: sheets of samples."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advlib.generators.training import Samples


def draw_samples(path: str, samples: "Samples", title: str) -> None:
    """Draw the sheet of a snapshot into a file, in the format of its suffix."""
    from advlib.figures.contact_sheet import WIDE, pages, save
    from advlib.figures.formats import suffix_of
    from advlib.figures.sheet_tile import Tile
    from advlib.jobs.files import atomic_write

    names = [""] * len(samples.image) if samples.label is None else map(str, samples.label)
    tiles = [Tile(*one) for one in zip(samples.image, names, strict=True)]
    scale = max(1, round(WIDE / samples.image.shape[1]))
    with atomic_write(path) as file:
        save(pages(tiles, 10, len(tiles), scale, title=title), file, suffix_of(path))
