"""Folders of images: every kind of picture that is read, and what is said of others."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from making_sources import IMAGE, LABEL, N, everything, write_folder
from PIL import Image

from advlib.errors import DataError
from advlib.shards.sources import NAMED, open_source


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "PNG"])
def test_image_files_of_lossless_kinds_are_exact(tmp_path, suffix):
    source = open_source(str(write_folder(tmp_path / "d", suffix=suffix)))
    assert source.class_names == ("class0", "class1", "class2")
    chunk = everything(source)
    np.testing.assert_array_equal(chunk.image, IMAGE)
    np.testing.assert_array_equal(chunk.label, LABEL)
    names = [f"class{number}/{i:03}.{suffix}" for i, number in enumerate(LABEL)]
    assert chunk.fields["file"].tolist() == names
    assert open_source(str(tmp_path / "d")).identity["count"] == N


def test_jpeg_and_webp_are_read(tmp_path):
    flat = np.full((1, 8, 8, 3), 128, np.uint8)
    for suffix in ("jpg", "jpeg", "webp"):
        chunk = everything(open_source(str(write_folder(tmp_path / suffix, flat, [0], suffix))))
        assert abs(chunk.image.astype(int) - 128).max() <= 1


def test_gray_palette_and_transparent_pictures_become_rgb(tmp_path):
    place = tmp_path / "c"
    place.mkdir()
    levels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
    gray = Image.fromarray(levels)
    alpha = Image.merge("LA", (gray, gray))
    palette = gray.quantize(16)
    gray.save(place / "1.png")
    gray.convert("RGB").save(place / "2.png", transparency=(16, 16, 16))
    alpha.save(place / "3.png")
    alpha.convert("RGBA").save(place / "4.png")
    palette.save(place / "5.png", transparency=bytes(range(16)))
    gray.convert("1").save(place / "6.png")
    chunk = everything(open_source(str(tmp_path)))
    for image in chunk.image[:5]:
        np.testing.assert_array_equal(image, np.repeat(levels[..., None], 3, axis=2))
    assert set(np.unique(chunk.image[5])) <= {0, 255}


def test_hidden_and_other_files_are_passed_over(tmp_path):
    write_folder(tmp_path)
    for name in (".hidden/x.png", "class0/.x.png", "class0/notes.txt", "class1/x.gif", "top.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"nothing")
    np.testing.assert_array_equal(everything(open_source(str(tmp_path))).image, IMAGE)


def test_folders_without_images_are_named(tmp_path):
    with pytest.raises(DataError, match="no folders in it; expected a folder of images per class"):
        open_source(str(tmp_path))
    write_folder(tmp_path)
    (tmp_path / "class1b").mkdir()
    with pytest.raises(DataError, match=r"class1b: no images; expected files in .bmp .jpeg"):
        open_source(str(tmp_path))


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("nowhere.png")]
)
def test_what_is_named_as_an_image_is_a_file(tmp_path, make):
    write_folder(tmp_path)
    make(tmp_path / "class1" / "x.png")
    with pytest.raises(DataError, match=r"class1/x.png: no regular file"):
        open_source(str(tmp_path))


def test_names_that_are_no_text_are_refused(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "class1" / "010.png").rename(tmp_path / "class1" / os.fsdecode(b"\xff.png"))
    with pytest.raises(DataError, match=r"class1: '.udcff.png': the name is not UTF-8 text"):
        open_source(str(tmp_path))


def test_images_of_two_shapes_are_both_named(tmp_path):
    write_folder(tmp_path)
    Image.fromarray(IMAGE[0, :3]).save(tmp_path / "class1" / "zz.png")
    with pytest.raises(DataError, match=r"class1/zz.png: 3x4x3, but class0/000.png is 5x4x3"):
        everything(open_source(str(tmp_path)))


def png(depth, kind, pixels) -> bytes:
    def block(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 2, 1, depth, kind, 0, 0, 0)
    body = block(b"IHDR", head) + block(b"IDAT", zlib.compress(b"\0" + pixels))
    return b"\x89PNG\r\n\x1a\n" + body + block(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        png(16, 2, bytes(12)),
        png(16, 0, bytes(4)),
        png(16, 6, bytes(16)),
        b"P6 2 1 65535\n" + bytes(12),
        b"P5 2 1 65535\n" + bytes(4),
        b"P5 2 1 1000\n" + bytes(4),
    ],
)
def test_pictures_of_sixteen_bits_are_refused(tmp_path, data):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ("x.png" if data[0] == 0x89 else "x.ppm")).write_bytes(data)
    with pytest.raises(DataError, match=r"c/x.p.*: more than 8 bits a channel"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("data", [b"", b"junk", b"%!PS-Adobe-3.0 EPSF-3.0\n", "cut", "flipped"])
def test_broken_pictures_are_named(tmp_path, data):
    write_folder(tmp_path)
    file = tmp_path / "class2" / f"{N - 1:03}.png"
    good = file.read_bytes()
    changed = {"cut": good[: len(good) // 2], "flipped": good[:50] + b"~~" + good[52:]}
    file.write_bytes(changed.get(data, data))
    source = open_source(str(tmp_path))
    assert len(next(source.chunks(0, N - 1))) == N - 1
    with pytest.raises(DataError, match=rf"{file.name}: [^<]*$"):
        everything(source)


def test_class_names_decide_the_labels_of_a_folder(tmp_path):
    for name in ("truck", "cat"):
        (tmp_path / name).mkdir()
        Image.fromarray(IMAGE[0]).save(tmp_path / name / "a.png")
    source = open_source(str(tmp_path), class_names=NAMED["cifar10"].class_names)
    (chunk,) = source.chunks()
    assert chunk.label.tolist() == [3, 9] and source.class_names == NAMED["cifar10"].class_names
    with pytest.raises(DataError, match=r"truck: not one of the classes cat, dog"):
        open_source(str(tmp_path), class_names=("cat", "dog"))
