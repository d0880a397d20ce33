"""What `.npz` and HDF5 files of `image` and `label` must hold: the form of synthetic data sets."""

from pathlib import Path

import numpy as np

from advlib.errors import DataError
from advlib.shards.constants import MOST_CLASSES
from advlib.shards.image_size import require_size

KEYS = ("image", "label")
CHANNELS = (1, 3)
SHOWN = 8  # names of an error message


def check_keys(path: Path, found: list[str]) -> None:
    """DataError unless both keys are among the names `found`."""
    for key in KEYS:
        if key not in found:
            have = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
            raise DataError(
                f"{path}: no {key!r}, but {have or 'nothing'}; expected image and label"
            )


def check_image(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """DataError unless `image` is uint8 (n, height, width, 1 or 3), n >= 1, of a size allowed."""
    _check_plain(path, "image", dtype)
    expected = "expected uint8 (n, height, width, channels)"
    if dtype != np.uint8:
        raise DataError(f"{path}: image is {dtype} {shape}; {expected}")
    if len(shape) == 4 and shape[1] in CHANNELS and shape[3] not in CHANNELS:
        raise DataError(f"{path}: image is {shape}, with channels first; expected channels last")
    if len(shape) != 4 or shape[3] not in CHANNELS or not shape[1] * shape[2]:
        raise DataError(f"{path}: image is {shape}; {expected}, with 1 or 3 channels")
    if not shape[0]:
        raise DataError(f"{path}: image is {shape}, without images")
    require_size(shape[1], shape[2], f"{path}: image")


def check_label(path: Path, shape: tuple[int, ...], dtype: np.dtype, count: int) -> None:
    """DataError unless `label` is (count,) integers."""
    _check_plain(path, "label", dtype)
    if dtype.kind not in "iu" or len(shape) != 1:
        raise DataError(f"{path}: label is {dtype} {shape}; expected integers ({count},)")
    if shape[0] != count:
        raise DataError(f"{path}: {shape[0]} labels, but {count} images")


def _check_plain(path: Path, key: str, dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise DataError(f"{path}: {key} holds Python objects, which are not read; expected numbers")


def as_labels(path: Path, label: np.ndarray, first: int) -> np.ndarray:
    """Labels (n,) of the images from number `first` on as int64; DataError for one out of range."""
    out = label.astype(np.int64)
    wrong = (out < 0) | (out >= MOST_CLASSES)  # what is beyond int64 wraps to below 0
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{path}: label {first + at} is {label[at]}; expected 0 to {MOST_CLASSES - 1}"
        )
    return out
