"""The handwritten digits of scikit-learn, which come with the package, split here once and for all.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

from importlib import resources
from pathlib import Path

import numpy as np

from advlib.shards.sources.source import DIGIT_NAMES, ArraySource, NamedDataset, gray_to_rgb

ROWS = {  # of scikit-learn's one array
    "train": slice(0, 1437),
    "test": slice(1437, 1797),
    "validation": slice(0, 237),
    "train-rest": slice(237, 1437),
}
LEVELS = 16  # full ink
BLOCK = 4  # pixels of 32 per pixel of 8


def open_digits(data_set: NamedDataset, split: str, root: Path) -> ArraySource:
    """A split of the digits, each pixel of 8x8 as a block of 4x4: 32x32x3; `root` is not used."""
    file = resources.files("advlib.shards") / "data" / "digits.npz"
    rows = ROWS[split]
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        image, label = arrays["image"][rows], arrays["label"][rows]
    return data_set.source(split, image, label, rows.start, _enlarge)


def _enlarge(image: np.ndarray) -> np.ndarray:
    """Digits (n, 8, 8), levels 0 to 16, as (n, 32, 32, 3), levels 0 to 255."""
    levels = np.rint(np.arange(LEVELS + 1) * (255 / LEVELS)).astype(np.uint8)
    block = np.ones((1, BLOCK, BLOCK), np.uint8)
    return gray_to_rgb(np.kron(levels[image], block))


DIGITS = NamedDataset("digits", DIGIT_NAMES, open_digits, in_files=False)
