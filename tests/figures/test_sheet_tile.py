"""Tiles: the magnified difference, and images that are refused."""

import numpy as np
import pytest
from making_tiles import attacked, images, sheet, written

from advlib.errors import DataError
from advlib.figures.contact_sheet import pages
from advlib.figures.sheet_tile import Tile, difference
from advlib.shards.pictures import eight_bits


@pytest.mark.parametrize("magnify", [1, 16, 40.5])
def test_the_difference_is_magnified_about_mid_grey(magnify):
    (tile,) = attacked(1)
    shown = difference(tile.image, tile.adversarial, magnify)
    for place in np.ndindex(tile.image.shape):
        change = float(tile.adversarial[place]) - int(tile.image[place]) / 255
        assert shown[place] == round(255 * min(max(0.5 + magnify * change, 0), 1))


def test_of_the_usual_bound_the_difference_is_black_or_white_and_of_nothing_grey():
    image = np.full((1, 3, 1), 100, np.uint8)
    after = np.array([92, 100, 108], np.uint8).reshape(1, 3, 1)
    for adversarial in (after, (after / 255).astype(np.float32)):
        assert difference(image, adversarial).ravel().tolist() == [0, 128, 255]
        assert eight_bits(adversarial).ravel().tolist() == [92, 100, 108]


GREY, RGB = images(1, (8, 6, 1))[0], images(1)[0]

FLOAT = RGB / np.float32(255)


@pytest.mark.parametrize(
    "tiles, message",
    [
        ([Tile(RGB, "a"), Tile(GREY, "b", "k")], "image k: 8x6x1 on a sheet of 8x6x3"),
        ([Tile(RGB[0], "a", "k")], "image k: 6x3 uint8: expected height"),
        ([Tile(FLOAT, "a", "k")], "image k: 8x6x3 float32: expected"),
        ([Tile(RGB[..., :2], "a", "k")], "image k: 8x6x2 uint8: expected"),
        ([Tile(RGB, "a", "k", GREY)], "image k: adversarial image of 8x6x1: expected 8x6x3"),
        ([Tile(RGB, "a", "k", FLOAT * 2)], "image k: adversarial image of float32 from .* to 2.0"),
        ([Tile(RGB, "a", "k", FLOAT * np.nan)], "float32 from nan to nan: expected uint8"),
        ([Tile(RGB, "a", "k", RGB.astype(int))], "int64 from"),
        ([Tile(RGB, "a"), Tile(RGB, "a", "k", RGB)], "image k: only some images"),
    ],
)
def test_wrong_images_are_refused(tiles, message):
    with pytest.raises(DataError, match=message):
        sheet(tiles)
    with pytest.raises(DataError, match=message):
        written(pages(tiles), ".pdf")


def test_a_file_of_no_images_is_refused():
    with pytest.raises(DataError, match="no images"):
        written(pages([]), ".pdf")
