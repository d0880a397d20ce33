"""One decoder for pictures: what a folder and shards make of each kind, and what both refuse."""

import io
import struct
import zlib

import numpy as np
import pytest
from making import everything, tar
from PIL import Image

from advlib.errors import DataError
from advlib.shards.chunk import concatenate
from advlib.shards.image_size import MOST_PIXELS, limit_pixels
from advlib.shards.sources import open_source

LEVELS = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
RGB = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)


def png(depth, kind, rows, width=2, *more):
    """A PNG by hand: bits a channel, colour type, rows of bytes."""

    def block(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    blocks = [(b"IHDR", head), *more, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(block(*each) for each in blocks)


def encoded(image, kind="PNG", **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def frames(kind):
    both = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    return encoded(both[0], kind, save_all=True, append_images=both[1:])


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    return encoded(Image.fromarray(RGB), "PNG", exif=exif)


def of_folder(path):
    return concatenate([*open_source(str(path)).chunks()])


def by_both(folder, data, suffix="png"):
    """The picture as a folder and as a shard gives it, or what they refuse it with."""
    (folder / "set" / "c").mkdir(parents=True)
    (folder / "set" / "c" / f"k.{suffix}").write_bytes(data)
    members = [(f"k.{suffix}", data), ("k.cls", b"0")]
    (folder / "a.tar").write_bytes(tar(members))
    for name, read in (
        (folder / "set" / "c" / "k", lambda: of_folder(folder / "set")),
        (f"{folder / 'a.tar'}: k", lambda: everything(folder / "a.tar")),
    ):
        try:
            yield read().image[0]
        except DataError as err:
            yield str(err).removeprefix(f"{name}.{suffix}: ")


GREY = Image.fromarray(LEVELS)
KINDS = {
    "grey": (encoded(GREY), LEVELS[..., None]),
    "RGB": (encoded(Image.fromarray(RGB)), RGB),
    "palette": (encoded(GREY.quantize(16)), np.dstack([LEVELS] * 3)),
    "palette with transparency": (
        encoded(GREY.quantize(16), transparency=bytes(range(16))),
        np.dstack([LEVELS] * 3),
    ),
    "one transparent colour": (
        encoded(Image.fromarray(RGB), transparency=tuple(map(int, RGB[0, 0]))),
        RGB,
    ),
    "alpha": (encoded(Image.fromarray(np.dstack([RGB, LEVELS]))), RGB),
    "grey with alpha": (encoded(Image.merge("LA", (GREY, GREY))), np.dstack([LEVELS] * 3)),
    "one bit": (png(1, 0, [b"\x40"]), np.dstack([np.uint8([[0, 255]])] * 3)),
    "four bits": (png(4, 0, [b"\x1f"]), np.uint8([[[17], [255]]])),
    "rotated": (rotated(), RGB),
    "trailing bytes": (encoded(Image.fromarray(RGB)) + b"more", RGB),
    "P6 of few levels": (b"P6 1 1 15\n" + bytes([0, 5, 15]), np.uint8([[[0, 85, 255]]])),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_the_same_in_a_folder_and_in_shards(tmp_path, kind):
    data, expected = KINDS[kind]
    folder, shard = by_both(tmp_path, data, "ppm" if data[:1] == b"P" else "png")
    np.testing.assert_array_equal(shard, expected)
    np.testing.assert_array_equal(folder, np.broadcast_to(expected, folder.shape))
    assert folder.shape[2] == 3


def test_cmyk_becomes_the_same_rgb_in_both(tmp_path):
    folder, shard = by_both(tmp_path, encoded(GREY.convert("CMYK"), "JPEG", quality=100), "jpg")
    np.testing.assert_array_equal(folder, shard)
    assert abs(shard.astype(int) - LEVELS[..., None]).max() <= 8


REFUSED = {
    "16 bits of grey": (png(16, 0, [bytes(4)]), "more than 8 bits a channel; expected 8"),
    "16 bits of RGB": (png(16, 2, [bytes(12)]), "more than 8 bits a channel; expected 8"),
    "16 bits with alpha": (png(16, 6, [bytes(16)]), "more than 8 bits a channel; expected 8"),
    "P6 of 16 bits": (b"P6 2 1 65535\n" + bytes(12), "more than 8 bits a channel; expected 8"),
    "P5 of 1000 levels": (b"P5 2 1 1000\n" + bytes(4), "more than 8 bits a channel; expected 8"),
    "32-bit floats": (b"Pf 1 1\n-1.0\n" + bytes(4), "more than 8 bits a channel; expected 8"),
    "an animated PNG": (frames("PNG"), "an animation of 2 frames; expected one picture"),
    "an animated WebP": (frames("WEBP"), "an animation of 2 frames; expected one picture"),
    "GIF": (encoded(GREY, "GIF"), "not a picture but a GIF picture; expected PNG, JPEG, WEBP"),
    "TIFF": (encoded(GREY, "TIFF"), "not a picture but a TIFF picture; expected PNG"),
    "nothing": (b"", "not a picture; expected PNG"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "cut": (encoded(Image.fromarray(RGB))[:60], "damaged at byte"),
    "vast": (png(8, 0, [b"\0"] * 1, 1 << 25), "33554432x1 pixels; expected at most 16777216"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_folder_and_shards_refuse_in_the_same_words(tmp_path, kind):
    data, said = REFUSED[kind]
    folder, shard = by_both(tmp_path, data, "ppm" if data[:1] == b"P" else "png")
    assert folder == shard and said in shard


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM"])
def test_the_limit_of_pixels_is_exact(tmp_path, kind):
    data, suffix = encoded(GREY, kind), {"JPEG": "jpg"}.get(kind, kind.lower())
    (tmp_path / "a.tar").write_bytes(tar([(f"k.{suffix}", data), ("k.cls", b"0")]))
    try:
        limit_pixels(16)
        assert everything(tmp_path / "a.tar").image.shape[1:3] == (4, 4)
        limit_pixels(15)
        with pytest.raises(DataError, match=rf"k.{suffix}: 4x4 pixels; expected at most 15"):
            everything(tmp_path / "a.tar")
    finally:
        limit_pixels(MOST_PIXELS)
