"""Tiles, and what is on the page that shows them."""

import io
import itertools
import math

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from advlib.figures.canvas import house_style
from advlib.figures.contact_sheet import pages, save
from advlib.figures.sheet_tile import Tile
from advlib.shards.pictures import eight_bits

NAMES = ("cat", "aquarium_fish", "Ankle boot", "automobile", "T-shirt/top", "a rather long name")

SEEN = ("valid", "deceptive", "ambiguous")

CHANGE = "difference × 16, grey: no change"


def sheet(tiles, per_row=8, scale=2, magnify=16, **about):
    """All tiles on one page."""
    rows = max(1, math.ceil(len(tiles) / max(per_row, 1)))
    (page,) = pages(tiles, per_row, rows, scale, magnify, **about)
    return page


def images(count, shape=(8, 6, 3)):
    return list(np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8))


def plain(count, shape=(8, 6, 3), **extra):
    labels = itertools.cycle(NAMES)
    return [
        Tile(image, next(labels), f"{i:09d}", **extra)
        for i, image in enumerate(images(count, shape))
    ]


def attacked(count, shape=(8, 6, 3), category=lambda i: SEEN[i % 3], prediction="cat"):
    rng = np.random.default_rng(7)
    out = []
    for i, image in enumerate(images(count, shape)):
        after = np.clip(image / 255 + rng.uniform(-8 / 255, 8 / 255, shape), 0, 1)
        name, after = NAMES[i % len(NAMES)], after.astype(np.float32)
        out.append(Tile(image, name, f"{i:09d}", after, prediction, category(i)))
    return out


def written(figures, suffix):
    file = io.BytesIO()
    save(figures, file, suffix)
    return file.getvalue()


def pixels(png):
    """(height, width, 3) uint8 of a PNG."""
    return np.rint(imread(io.BytesIO(png))[..., :3] * 255).astype(np.uint8)


def raster(figure):
    return np.asarray(figure.images[0].get_array())


def find(page, image, scale):
    """The only place (top, left) where `page` holds `image`, each pixel `scale` times."""
    big = np.kron(np.broadcast_to(image, (*image.shape[:2], 3)), np.ones((scale, scale, 1), int))
    height, width = big.shape[:2]
    starts = np.argwhere((page == big[0, 0]).all(-1))
    places = [(y, x) for y, x in starts if np.array_equal(page[y : y + height, x : x + width], big)]
    assert len(places) == 1
    return tuple(map(int, places[0]))


def border(page, tile, scale=2):
    """The colour two pixels to the left of the image whose prediction and category it shows."""
    shown = tile.image if tile.adversarial is None else eight_bits(tile.adversarial)
    y, x = find(page, shown, scale)
    return page[y + 1, x - 2].tolist()


def rgb(colour):
    return [round(255 * part) for part in to_rgb(colour)]


def words(figure):
    return [text.get_text() for text in figure.texts]


def boxes(figure):
    with house_style():
        return [text.get_window_extent() for text in figure.texts]
