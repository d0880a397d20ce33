"""Idx files: the form in which MNIST and Fashion-MNIST are published, compressed by gzip or not.

A big-endian header of 32-bit numbers (two zero bytes, type, number of dimensions; then each
dimension), then the values.  Source: http://yann.lecun.com/exdb/mnist/, "file format".
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import shape_text
from advlib.shards.sources.source import ArraySource, FileForm, file_identity, gray_to_rgb
from advlib.shards.splits import SPLITS, published_part

PREFIXES = {"train": "train", "test": "t10k"}
SIDE = 28  # pixels
BORDER = 2  # pixels on each side, to 32
UNSIGNED_BYTE = 0x08
MOST_IMAGES = 1 << 20  # of a file, which is in memory whole; EMNIST's largest has 814,255
DEFLATED = 1032  # bytes that one byte of gzip can become at most


def find_idx(folder: Path, part: str) -> tuple[Path | None, Path | None]:
    """The files of images and labels of a part, `train` or `test`; None for one that is missing."""
    names = (f"{PREFIXES[part]}-images-idx3-ubyte", f"{PREFIXES[part]}-labels-idx1-ubyte")
    images, labels = (
        next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        for name in names
    )
    return images, labels


def holds_idx(folder: Path) -> bool:
    """Whether any idx file is in the folder itself."""
    return any(path for part in PREFIXES for path in find_idx(folder, part))


def open_idx(
    folder: Path, split: str, name: str, classes: tuple[str, ...] | None = None
) -> ArraySource:
    """A split of the images (n, 28, 28) in a folder, with a border of 2 zeros, as 32x32x3.

    Gray goes into each channel; nothing is resampled.  The values stay in memory as they are kept.

    Raises DataError for another split and for files that are missing or broken, that disagree, or
    whose labels are no numbers of `classes`.
    """
    if split not in SPLITS:
        raise DataError(f"{name}: no split {split!r}; expected one of {', '.join(SPLITS)}")
    part, rows = published_part(split)
    images, labels = find_idx(folder, part)
    if images is None or labels is None:
        kind = "images-idx3" if images is None else "labels-idx1"
        raise DataError(f"{folder}: no file {PREFIXES[part]}-{kind}-ubyte or with .gz")
    image, label = read_idx(images, (SIDE, SIDE)), read_idx(labels, ())
    if len(image) != len(label):
        raise DataError(f"{labels}: {len(label)} labels, but {len(image)} images in {images}")
    if classes is not None and label.max(initial=0) >= len(classes):
        at = int(np.argmax(label >= len(classes)))
        raise DataError(
            f"{labels}: label {at} is {label[at]}; expected 0 to {len(classes) - 1} for {name}"
        )
    image, label = image[rows], label[rows]
    if not len(label):
        raise DataError(f"{images}: no images of split {split!r}")
    files = [file_identity(images), file_identity(labels)]
    return ArraySource(
        f"{name} {split}",
        classes,
        {"split": split, "files": files},
        image,
        label,
        rows.start or 0,
        _frame,
    )


def _frame(image: np.ndarray) -> np.ndarray:
    """Images (n, 28, 28) as (n, 32, 32, 3), with a border of zeros."""
    return gray_to_rgb(np.pad(image, ((0, 0), (BORDER, BORDER), (BORDER, BORDER))))


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The values (n, *shape) uint8 of an idx file; by gzip where the name ends in .gz.

    Raises DataError where the file is broken or holds other dimensions or types.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            head = stream.read(4 * (2 + len(shape)))
            count = _count(path, head, shape)
            size = count * math.prod(shape)
            # a broken header must not have memory set aside for what cannot follow it
            most = path.stat().st_size * (DEFLATED if opener is gzip.open else 1)
            values = stream.read(min(size, most) + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as err:
        raise DataError(f"{path}: broken gzip file ({err}); fetch it again") from None
    if len(values) != size:
        found = "more" if len(values) > size else f"only {len(values)}"
        raise DataError(f"{path}: {found} bytes after the header; expected {size}")
    return np.frombuffer(values, np.uint8).reshape(count, *shape)


def _count(path: Path, head: bytes, shape: tuple[int, ...]) -> int:
    """How many values of that shape the header of an idx file says there are."""
    magic = bytes([0, 0, UNSIGNED_BYTE, 1 + len(shape)])
    if head[:4] != magic:
        found = head[:4].hex() or "nothing"
        raise DataError(f"{path}: begins with {found}; expected {magic.hex()}, of an idx file")
    if len(head) != 4 * (2 + len(shape)):
        raise DataError(f"{path}: ends within the header")
    count, *found = np.frombuffer(head, ">u4", offset=4).tolist()
    if tuple(found) != shape:
        raise DataError(f"{path}: images are {shape_text(found)}; expected {shape_text(shape)}")
    if count > MOST_IMAGES:
        raise DataError(f"{path}: {count} values; expected at most {MOST_IMAGES}")
    return count


FORM = FileForm(
    expected="a folder of idx files",
    matches=lambda path: path.is_dir() and holds_idx(path),
    open=lambda path, split, class_names: open_idx(path, split, str(path)),
    has_splits=True,
)
