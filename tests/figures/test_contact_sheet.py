"""Contact sheets: every pixel is there, pages are alike, the same bytes twice."""

import base64
import io
import re
import struct
import zlib
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from making_tiles import attacked, border, find, pixels, plain, raster, sheet, written

from advlib.errors import DataError
from advlib.figures.contact_sheet import pages, save
from advlib.figures.sheet_tile import difference
from advlib.shards.pictures import eight_bits


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
