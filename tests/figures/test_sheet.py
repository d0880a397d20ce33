"""Contact sheets: every pixel and every word is there, nothing overlaps, the same bytes twice."""

import base64
import io
import itertools
import re
import struct
import zlib
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from advlib.errors import DataError
from advlib.figures import sheet_page
from advlib.figures.canvas import house_style
from advlib.figures.contact_sheet import pages, save, sheet
from advlib.figures.sheet_tile import Tile, difference
from advlib.figures.text_fitting import SMALLEST
from advlib.shards.pictures import eight_bits

NAMES = ("cat", "aquarium_fish", "Ankle boot", "automobile", "T-shirt/top", "a rather long name")
SEEN = ("valid", "deceptive", "ambiguous")
CHANGE = "difference × 16, grey: no change"


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


@pytest.mark.parametrize("scale", [1, 2, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_every_pixel_of_every_image_in_reading_order(scale, channels):
    tiles = plain(7, (8, 6, channels), prediction="cat")
    page = pixels(written(sheet(tiles, 3, scale, keys=True, title="seven"), ".png"))
    places = [find(page, tile.image, scale) for tile in tiles]
    assert places == sorted(places)
    assert [len({y for y, _ in places}), len({x for _, x in places})] == [3, 3]


@pytest.mark.parametrize("channels", [1, 3])
def test_clean_adversarial_and_difference_stand_side_by_side(channels):
    tiles = attacked(4, (8, 6, channels))
    page = pixels(written(sheet(tiles, 2, 3), ".png"))
    for tile in tiles:
        change = difference(tile.image, tile.adversarial)
        after = eight_bits(tile.adversarial)
        places = [find(page, shown, 3) for shown in (tile.image, after, change)]
        (y, clean), (y2, changed), (y3, last) = places
        assert y == y2 == y3
        assert changed - clean == last - changed > 3 * 6


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


def test_the_same_tiles_give_the_same_bytes_whatever_the_users_settings():
    for suffix in (".png", ".pdf", ".svg"):
        once = written(sheet(attacked(3), 2, keys=True), suffix)
        with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 30, "image.origin": "lower"}):
            assert written(sheet(attacked(3), 2, keys=True), suffix) == once


def test_a_pdf_has_all_pages_and_their_images_whole():
    tiles = plain(11, (32, 32, 3))
    drawn = list(pages(tiles, 2, 2, 3))
    pdf = written(pages(iter(tiles), 2, 2, 3), ".pdf")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == len(drawn) == 3
    streams = re.findall(rb"/Subtype /Image.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    for figure, data in zip(drawn, streams, strict=True):
        height, width, _ = raster(figure).shape
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        png = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
        assert np.array_equal(pixels(png), raster(figure))


def test_an_svg_is_xml_and_holds_the_raster():
    figure = sheet(attacked(3), 2)
    root = ElementTree.fromstring(written(figure, ".svg"))
    (image,) = root.iter("{http://www.w3.org/2000/svg}image")
    data = base64.b64decode(image.get("{http://www.w3.org/1999/xlink}href").split(",")[1])
    assert "scale(1 -1)" in image.get("transform")
    assert np.array_equal(pixels(data)[::-1], raster(figure))
    assert "pixelated" in image.get("style")
    # at a browser's 96 pixels an inch, one of the raster is one of the screen
    for side, count in zip(("height", "width"), raster(figure).shape, strict=False):
        assert float(image.get(side)) * 96 / 72 == count


def test_pages_have_one_size_and_one_colour_for_a_category():
    tiles = attacked(7, category=lambda i: "abcdefg"[i % 2 + (i > 3)])
    drawn = list(pages(tiles, 2, 2))
    assert len({raster(figure).shape for figure in drawn}) == 1
    colours = {
        (tile.category, tuple(border(raster(drawn[i // 4]), tile))) for i, tile in enumerate(tiles)
    }
    assert len(colours) == len({tile.category for tile in tiles}) == 3
    small, full = (raster(next(pages(tiles[:n], 8, 9))).shape for n in (1, 7))
    assert small[0] == full[0] and small[1] < full[1]


def test_pages_read_a_page_of_tiles_at_a_time():
    read = []
    stream = pages((read.append(i) or tile for i, tile in enumerate(plain(9))), 2, 2)
    assert not read
    for expected in (4, 8, 9):
        next(stream)
        assert len(read) == expected
    assert next(stream, None) is None


def test_png_and_svg_have_one_page():
    for suffix in (".png", ".svg"):
        file = io.BytesIO()
        with pytest.raises(DataError, match=rf"{suffix} holds one page, .*: write \.pdf"):
            save(pages(plain(3), 1, 2), file, suffix)
        assert not file.getvalue()
        assert written(pages(plain(2), 1, 2), suffix) == written(sheet(plain(2), 1), suffix)


GREY, RGB = images(1, (8, 6, 1))[0], images(1)[0]
FLOAT = RGB / np.float32(255)


@pytest.mark.parametrize(
    "tiles, message",
    [
        ([], "no images"),
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


@pytest.mark.parametrize(
    "options, message",
    [
        ({"per_row": 0}, "per_row is 0"),
        ({"rows": 0}, "rows is 0"),
        ({"scale": -1}, "scale is -1"),
        ({"magnify": 0}, "magnification is 0"),
        ({"magnify": float("nan")}, "magnification is nan"),
    ],
)
def test_wrong_settings_are_refused_at_once(options, message):
    with pytest.raises(DataError, match=message):
        pages(plain(1), **options)


def test_a_page_too_large_to_draw_is_refused():
    with pytest.raises(DataError, match=r"a page of \d+ x \d+ pixels is too large"):
        sheet(plain(2), scale=2500)
