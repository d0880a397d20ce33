"""A page of a contact sheet: where its images and words are, and drawing them.

All images of a page are one raster, which every format holds unchanged; the words over it are
outlines or fonts, which stay sharp.  Lengths, and sizes of type, are pixels of that raster.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from advlib.errors import DataError
from advlib.figures.sheet_tile import Tile, difference
from advlib.figures.style import GREY
from advlib.figures.text_fitting import DPI, fit_text, points, text_width
from advlib.shards.pictures import eight_bits

# Okabe and Ito's colours, which the colour-blind tell apart (https://jfly.uni-koeln.de/color/)
CATEGORIES = {"valid": "#0072B2", "deceptive": "#D55E00", "ambiguous": "#E69F00"}
OTHERS = ("#CC79A7", "#009E73", "#56B4E9", "#000000", "#F0E442")
RIGHT, WRONG = ("prediction right", "#999999"), ("prediction wrong", "#D55E00")
EDGE = 0xCC  # grey level of the hairline that keeps a light image apart from the paper

BIG, TEXT, SMALL = 15, 12, 11  # sizes of type: title, names, keys
MARGIN, BORDER, SLOT = 14, 4, 72  # SLOT: the least width of an image's words
NEAR, FAR, BELOW = 8, 24, 12  # between panels or plain tiles, between attacked tiles, between rows
LINE, SMALL_LINE, TITLE, HEADER, SWATCH = 15, 13, 26, 18, 10  # heights
LEGEND_GAP, NARROWEST = 18, 320  # between entries; a page that its legend can be read on
MOST_SIDE, MOST_PIXELS = 19_200, 30_000_000  # 200 inches, the most of a PDF page; 3.5 GB to draw


@dataclass(frozen=True)
class SheetSettings:
    """How a sheet looks: images a row; pixels, across, for one of an image; the factor of the
    difference; whether keys are written; the heading.
    """

    per_row: int
    scale: int
    magnify: float
    keys: bool
    title: str


class Page:
    """Where things are on a page: images and swatches in a raster, words over it."""

    def __init__(
        self, tiles: list[Tile], rows: int, settings: SheetSettings, colours: dict[str, str]
    ):
        self.tiles, self.settings, self.colours = tiles, settings, colours
        self.attacked = tiles[0].adversarial is not None
        self.predicted = any(tile.prediction is not None for tile in tiles)
        self.categorised = any(tile.category for tile in tiles)
        self.judged = any(tile.said for tile in tiles)

        height, width = (settings.scale * side for side in tiles[0].image.shape[:2])
        self.panel = (height + 2 * BORDER, width + 2 * BORDER)
        self.slot = max(self.panel[1], SLOT)
        self.cell = 3 * self.slot + 2 * NEAR if self.attacked else self.slot
        # an attacked tile has its words side by side
        self.lines = 1 if self.attacked else 1 + self.predicted + self.categorised
        self.right = self.cell + (FAR if self.attacked else NEAR)
        self.down = (
            self.panel[0] + self.lines * LINE + (settings.keys + self.judged) * SMALL_LINE + BELOW
        )
        self.top = MARGIN + bool(settings.title) * TITLE + self.attacked * HEADER

        entries = self._entries()
        self.width = settings.per_row * self.right - (self.right - self.cell) + 2 * MARGIN
        if settings.title or entries:
            self.width = max(self.width, NARROWEST)
        self.legend = self._wrap(entries)
        self.foot = self.top + rows * self.down + bool(entries) * NEAR
        self.height = self.foot + len(self.legend) * LINE + MARGIN - (not entries) * BELOW

    def figure(self) -> Figure:
        """The page, drawn."""
        if max(self.width, self.height) > MOST_SIDE or self.width * self.height > MOST_PIXELS:
            raise DataError(
                f"a page of {self.width} x {self.height} pixels is too large to draw: "
                "take fewer images, columns or rows, or a smaller scale"
            )
        self.paper = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        self.raster = np.full((self.height, self.width, 3), 255, np.uint8)
        room = self.width - 2 * MARGIN
        self._write(MARGIN, MARGIN + 12, self.settings.title, BIG, room, align="left")
        for column in range(self.settings.per_row if self.attacked else 0):
            for i, name in enumerate(("clean", "adversarial", "difference")):
                x = MARGIN + column * self.right + self._middle(i)
                self._write(x, self.top - HEADER + 10, name, SMALL, self.slot, GREY)
        for i, tile in enumerate(self.tiles):
            row, column = divmod(i, self.settings.per_row)
            self._draw(tile, MARGIN + column * self.right, self.top + row * self.down)
        for i, line in enumerate(self.legend):
            for x, text, colour in line:
                y, at = self.foot + i * LINE, x
                if colour:
                    self.raster[y + 2 : y + 2 + SWATCH, x : x + SWATCH] = _rgb(colour)
                    at += SWATCH + NEAR
                self._write(at, y + 11, text, TEXT, self.width - MARGIN - at, align="left")
        self.paper.figimage(self.raster, origin="upper")
        return self.paper

    def _middle(self, slot: int) -> float:
        """From the left of a tile to the middle of one of its slots."""
        return slot * (self.slot + NEAR) + self.slot / 2

    def _draw(self, tile: Tile, x: int, y: int) -> None:
        """A tile whose upper left corner is there, and its words."""
        panels = [tile.image]
        if tile.adversarial is not None:
            change = difference(tile.image, tile.adversarial, self.settings.magnify)
            panels += [eight_bits(tile.adversarial), change]
        border = self._border(tile)
        for i, panel in enumerate(panels):
            # the prediction and the category are of the adversarial image: it alone has the border
            colour = border[1] if border and i == self.attacked else None
            self._place(panel, x + int(self._middle(i) - self.panel[1] / 2), y, colour)
        guess = "" if tile.prediction is None else f"→ {tile.prediction}"
        words = [
            (tile.label, True),
            (guess, self.predicted),
            (tile.category or "", self.categorised),
        ]
        y += self.panel[0]
        for i, word in enumerate([w for w, shown in words if shown or self.attacked]):
            slot, line = (i, 0) if self.attacked else (0, i)
            self._write(x + self._middle(slot), y + line * LINE + 12, word, TEXT, self.slot)
        y += self.lines * LINE + 11
        for text, shown in ((tile.said, self.judged), (tile.key, self.settings.keys)):
            if shown:  # below all panels, since it is of the tile as a whole
                self._write(x + self.cell / 2, y, text, SMALL, self.cell, GREY)
                y += SMALL_LINE

    def _place(self, image: np.ndarray, x: int, y: int, colour: str | None) -> None:
        """An image within a border, or a hairline."""
        frame = self.raster[y : y + self.panel[0], x : x + self.panel[1]]
        if colour is None:
            frame[BORDER - 1 : 1 - BORDER, BORDER - 1 : 1 - BORDER] = EDGE
        else:
            frame[:] = _rgb(colour)
        scale = self.settings.scale
        frame[BORDER:-BORDER, BORDER:-BORDER] = image.repeat(scale, 0).repeat(scale, 1)

    def _border(self, tile: Tile) -> tuple[str, str] | None:
        """What the border of a tile says, and its colour."""
        if self.categorised:
            return (tile.category, self.colours[tile.category]) if tile.category else None
        if tile.prediction is None:
            return None
        return RIGHT if tile.prediction == tile.label else WRONG

    def _entries(self) -> list[tuple[str, str | None]]:
        """Texts of the legend with their colours, in one order on all pages."""
        used = {self._border(tile) for tile in self.tiles}
        entries: list[tuple[str, str | None]] = [
            known for known in (*self.colours.items(), RIGHT, WRONG) if known in used
        ]
        if self.attacked:
            change = f"difference × {self.settings.magnify:.4g}, grey: no change"
            entries.append((change, None))
        return entries

    def _wrap(
        self, entries: list[tuple[str, str | None]]
    ) -> list[list[tuple[int, str, str | None]]]:
        """The legend line by line: where an entry starts, its text and its colour."""
        lines: list[list[tuple[int, str, str | None]]] = []
        x = self.width
        for text, colour in entries:
            before = SWATCH + NEAR if colour else 0
            text, size = fit_text(text, TEXT, self.width - 2 * MARGIN - before)
            wide = before + math.ceil(text_width(text, size))
            if x + wide > self.width - MARGIN:
                lines.append([])
                x = MARGIN
            lines[-1].append((x, text, colour))
            x += wide + LEGEND_GAP
        return lines

    def _write(
        self,
        x: float,
        y: float,
        text: str,
        size: int,
        room: float,
        colour: str = "black",
        align: Literal["left", "center"] = "center",
    ) -> None:
        """Words on the baseline `y`, left of, right of or around `x`, in at most `room`."""
        text, size = fit_text(text, size, room)
        if text:
            self.paper.text(
                x / self.width,
                1 - y / self.height,
                text,
                size=points(size),
                color=colour,
                ha=align,
                va="baseline",
                parse_math=False,
            )


def _rgb(colour: str) -> np.ndarray:
    return np.rint(np.array(to_rgb(colour)) * 255).astype(np.uint8)
