"""The data sets that are known by name: found on disk, embedded, or downloaded by torchvision."""

import contextlib
import http.client
import os
import socket
import sys
import tarfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np

from advlib.errors import CannotError, DataError
from advlib.shards.sources import idx
from advlib.shards.sources.names import CLASSES
from advlib.shards.sources.source import ArraySource, gray_to_rgb
from advlib.shards.sources.splits import SPLITS, part_of

# scikit-learn's digits are one array; the parts were fixed here
DIGITS_ROWS = {
    "train": slice(0, 1437),
    "test": slice(1437, 1797),
    "validation": slice(0, 237),
    "train-rest": slice(237, 1437),
}
DIGITS_LEVELS = 16  # full ink
DIGITS_BLOCK = 4  # pixels of 32 per pixel of 8

IDX_FOLDERS = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}  # as torchvision has them
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
TIMEOUT = 60  # seconds without a byte, after which a download has failed


def open_named(name: str, split: str, root: str | None) -> ArraySource:
    """A split of a data set of CLASSES; `root` as for open_source.

    CIFAR and SVHN as published; digits (8x8) with each pixel as a block of 4x4, MNIST and
    Fashion-MNIST (28x28) with a border of 2: 32x32x3 all.

    Raises DataError for another split and for broken idx files, CannotError where the data set can
    be neither found nor downloaded.
    """
    splits = (*SPLITS, "extra") if name == "svhn" else SPLITS
    if split not in splits:
        raise DataError(f"{name}: no split {split!r}; expected one of {', '.join(splits)}")
    if name == "digits":
        return _digits(split)
    folder = Path(root) if root is not None else _cache()
    if name in IDX_FOLDERS:
        where = _idx_folder(name, folder, part_of(split)[0])
        return idx.open_idx(where, split, name, CLASSES[name])
    part, rows = part_of(split)
    image, label = _downloaded(name, folder, part)
    return ArraySource(
        f"{name} {split}",
        CLASSES[name],
        {"name": name, "split": split},
        image[rows],
        label[rows],
        rows.start or 0,
    )


def _digits(split: str) -> ArraySource:
    file = resources.files("advlib.shards") / "data" / "digits.npz"
    rows = DIGITS_ROWS[split]
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        image, label = arrays["image"][rows], arrays["label"][rows]
    return ArraySource(
        f"digits {split}",
        CLASSES["digits"],
        {"name": "digits", "split": split},
        image,
        label,
        rows.start,
        _enlarge,
    )


def _enlarge(image: np.ndarray) -> np.ndarray:
    """Digits (n, 8, 8), levels 0 to 16, as (n, 32, 32, 3), levels 0 to 255."""
    levels = np.rint(np.arange(DIGITS_LEVELS + 1) * (255 / DIGITS_LEVELS)).astype(np.uint8)
    block = np.ones((1, DIGITS_BLOCK, DIGITS_BLOCK), np.uint8)
    return gray_to_rgb(np.kron(levels[image], block))


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "advtools"


def _idx_folder(name: str, root: Path, part: str) -> Path:
    """Where the images and labels of a part (train or test) are, after a download if need be."""
    home = root / IDX_FOLDERS[name]
    for place in (home, root, *([DEBIAN_FASHION] if name == "fashion-mnist" else [])):
        if all(idx.find(place, part)):
            return place
    from advlib.vision import torchvision

    kind = getattr(torchvision.datasets, home.parent.name)
    urls = [mirror + file for mirror in kind.mirrors[:1] for file, _ in kind.resources]
    with _downloading(name, root, urls, home):
        kind(root, download=True)
    return home


def _downloaded(name: str, root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Image (n, 32, 32, 3) uint8 and label (n,) of a part of CIFAR-10, CIFAR-100 or SVHN.

    torchvision takes files, or CIFAR's archive, that are in `root` where their MD5 is right, and
    unpickles nothing else.
    """
    from advlib.vision import torchvision

    if name == "svhn":
        url = torchvision.datasets.SVHN.split_list[part][0]
        with _downloading(name, root, [url], root):
            data = torchvision.datasets.SVHN(root, split=part, download=True)
        return data.data.transpose(0, 2, 3, 1), data.labels
    kind = getattr(torchvision.datasets, name.upper())
    with _downloading(name, root, [kind.url], root):
        data = kind(root, train=part == "train", download=True)
    return data.data, np.array(data.targets)


@contextlib.contextmanager
def _downloading(name: str, root: Path, urls: list[str], where: Path) -> Iterator[None]:
    """What torchvision prints to standard error; one line of error for all in which it fails."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torchvision sets none and would wait for ever
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as err:
        files = ", ".join(url.rpartition("/")[2] for url in urls)
        reason = " ".join(str(err).split()) or type(err).__name__
        raise CannotError(
            f"{name}: not whole in {root}, and could not be downloaded ({reason}); "
            f"put {files} from {urls[0].rpartition('/')[0]}/ into {where}"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
