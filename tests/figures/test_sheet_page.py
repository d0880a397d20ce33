"""A page of a contact sheet: words, borders and legend, none of which overlaps another."""

import itertools
import re

import pytest
from making_tiles import (
    CHANGE,
    NAMES,
    SEEN,
    attacked,
    border,
    boxes,
    find,
    images,
    plain,
    raster,
    rgb,
    sheet,
    words,
)

from advlib.errors import DataError
from advlib.figures import sheet_page
from advlib.figures.sheet_tile import Tile
from advlib.figures.text_fitting import SMALLEST


def test_names_predictions_categories_keys_and_title_are_written():
    tiles = [Tile(i, "cat", f"key{n}", prediction="dog") for n, i in enumerate(images(2))]
    figure = sheet(tiles, 8, 4, keys=True, title="two\nimages")
    assert words(figure) == [
        "two images",
        "cat",
        "→ dog",
        "key0",
        "cat",
        "→ dog",
        "key1",
        "prediction wrong",
    ]
    assert "key0" not in words(sheet(tiles, 8, 4))
    figure = sheet(attacked(1, category=lambda i: "ambiguous"), 8, 4, magnify=20)
    assert words(figure) == [
        "clean",
        "adversarial",
        "difference",
        "cat",
        "→ cat",
        "ambiguous",
        "ambiguous",
        "difference × 20, grey: no change",
    ]


HARD = ["$x^2$ and $y$", "_", "", "w" * 900, "il" * 60, "象" * 30, "line\nline", "→ " * 20]


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("kind", [plain, attacked])
def test_no_word_leaves_the_page_or_meets_another_or_an_image(kind, count, scale):
    tiles = kind(count, (32, 32, 3), prediction="sweet_pepper")
    if count == 8:
        tiles = [
            Tile(tile.image, name, name, tile.adversarial, name, name)
            for tile, name in zip(tiles, HARD, strict=True)
        ]
    figure = sheet(tiles, 4, scale, keys=True, title="a title that is long enough to fill " * 4)
    width, height = figure.bbox.size
    page, found = raster(figure), boxes(figure)
    for box in found:
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    for one, other in itertools.combinations(found, 2):
        # heights hold room for accents and tails: a pixel of one may lie in another's
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        assert across <= 0 or min(one.y1, other.y1) - max(one.y0, other.y0) <= 1
    for tile in tiles:
        y, x = find(page, tile.image, scale)
        for box in found:
            beside = box.x1 <= x or box.x0 >= x + 32 * scale
            assert beside or box.y1 <= height - y - 32 * scale or box.y0 >= height - y


def test_long_names_shrink_then_lose_their_middle():
    tiles = [Tile(image, name) for image, name in zip(images(3), NAMES[:3], strict=True)]
    figure = sheet([*tiles, Tile(images(4)[3], "begin" + "m" * 40 + "end")], 4, 1)
    *whole, cut = figure.texts
    assert [text.get_text() for text in whole] == list(NAMES[:3])
    assert whole[0].get_fontsize() > whole[1].get_fontsize() >= SMALLEST * 72 / 96
    assert re.fullmatch("begin?m*…m*end", cut.get_text())


def test_borders_show_categories_and_the_legend_names_them():
    tiles = attacked(5, category=lambda i: (*SEEN, "odd", None)[i])
    figure = sheet(tiles, 2)
    page, found = raster(figure), boxes(figure)
    colours = [border(page, tile) for tile in tiles]
    assert colours[:4] == [rgb(c) for c in (*sheet_page.CATEGORIES.values(), sheet_page.OTHERS[0])]
    assert colours[4] == [255] * 3
    assert words(figure)[-5:] == [*SEEN, "odd", CHANGE]
    for colour, box in zip(colours[:4], found[-5:-1], strict=True):
        swatch = page[round(page.shape[0] - (box.y0 + box.y1) / 2), round(box.x0) - 13]
        assert swatch.tolist() == colour


def test_without_categories_borders_show_whether_the_prediction_is_right():
    tiles = attacked(2, category=lambda i: None)
    figure = sheet(tiles, 2)
    right, wrong = sheet_page.RIGHT, sheet_page.WRONG
    colours = [border(raster(figure), tile) for tile in tiles]
    assert colours == [rgb(right[1]), rgb(wrong[1])]
    assert words(figure)[-3:] == [right[0], wrong[0], CHANGE]
    assert words(sheet(tiles[:1], 2))[-2:] == [right[0], CHANGE]
    assert border(raster(sheet(plain(1))), plain(1)[0]) == [255] * 3


def test_a_page_too_large_to_draw_is_refused():
    with pytest.raises(DataError, match=r"a page of \d+ x \d+ pixels is too large"):
        sheet(plain(2), scale=2500)
