"""Mean and covariance of features, gathered batch by batch in memory that does not grow.

The covariance divides by n - 1, as EDM's and pytorch-fid's do.  A file of statistics is an .npz
with `mu` and `sigma`, which EDM's fid.py reads and writes, and the JSON `about`, which it ignores.

Source of the merging of parts: Chan, Golub, LeVeque 1983, "Algorithms for computing the sample
variance".
"""

import io
import json
import os
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.jobs.files import atomic_write
from advlib.jobs.ranks import Ranks
from advlib.quality.settings import OFFICIAL

FORMAT, VERSION = "advfid", 1
FID = "fid"  # the distance by the official features; others are called fd_ and their name
COLUMN = re.compile(rf"{FID}|fd_\w+", re.ASCII)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the date of all in a file: the same statistics, the same bytes


class Moments:
    """Sums over features: count, mean (d,), and scatter about the mean (d, d), float64."""

    def __init__(self, size: int, device: torch.device | str = "cpu"):
        self.count = 0
        self.mean = torch.zeros(size, dtype=torch.float64, device=device)
        self.scatter = torch.zeros(size, size, dtype=torch.float64, device=device)

    def add(self, features: Tensor) -> None:
        """Take features (b, d) into account."""
        part = features.double()
        mean = part.mean(0)
        part = part - mean
        self._merge(len(features), mean, part.T @ part)

    def merge(self, other: "Moments") -> None:
        """Take all into account that another saw."""
        self._merge(other.count, other.mean, other.scatter)

    def _merge(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if not count:
            return
        total = self.count + count
        apart = mean - self.mean
        self.scatter += scatter
        self.scatter.addr_(apart, apart, alpha=self.count * count / total)
        self.mean += apart * (count / total)
        self.count = total

    def of_all(self, ranks: Ranks) -> "Moments":
        """The same over all ranks, on each."""
        if ranks.ranks == 1:
            return self
        whole = Moments(len(self.mean), self.mean.device)
        count = torch.tensor([float(self.count)], dtype=torch.float64, device=self.mean.device)
        sums = ranks.sum(torch.cat([count, self.mean * self.count]))
        whole.count = round(float(sums[0]))
        whole.mean = sums[1:] / max(1, whole.count)
        apart = self.mean - whole.mean
        scatter = self.scatter + torch.outer(apart, apart) * self.count
        whole.scatter = ranks.sum(scatter)
        return whole

    def statistics(self, about: dict[str, Any]) -> "Statistics":
        """Mean and covariance.  Raises DataError for fewer than two images."""
        if self.count < 2:
            raise DataError(f"{self.count} images have no covariance; expected 2 or more")
        covariance = self.scatter / (self.count - 1)
        return Statistics(self.mean.cpu().numpy(), covariance.cpu().numpy(), self.count, about)


@dataclass(frozen=True)
class Statistics:
    """What a distance is computed of.

    mean: (d,), covariance: (d, d), float64.  images: how many, None where a file does not say it.
    about: JSON of `features`, `set`, `history`; what there is of them.
    """

    mean: np.ndarray
    covariance: np.ndarray
    images: int | None
    about: dict[str, Any]


def save_statistics(path: str, found: Statistics) -> None:
    """Write statistics, whole or not at all; the same ones give the same bytes.

    Raises OSError where the file cannot be written.
    """
    about = {"format": FORMAT, "version": VERSION, "images": found.images, **found.about}
    arrays = {
        "mu": found.mean,
        "sigma": found.covariance,
        "about": np.array(json.dumps(about, allow_nan=False)),
    }
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), data.getvalue())


def load_statistics(path: str) -> Statistics:
    """The statistics in a file of ours, or of EDM's or pytorch-fid's form.

    Raises DataError for a file that is not there, is none, is damaged or holds numbers that are not
    finite.
    """
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file; expected statistics, .npz")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            if missing := [name for name in ("mu", "sigma") if name not in file]:
                raise DataError(f"{path}: no {missing[0]}; expected statistics, mu and sigma")
            mean, covariance = (np.asarray(file[name], np.float64) for name in ("mu", "sigma"))
            about = parse_json(str(file["about"])) if "about" in file else {}
    except (OSError, ValueError, EOFError, TypeError, MemoryError, zipfile.BadZipFile) as err:
        raise DataError(f"{path}: not a file of statistics, or damaged: {err}") from None
    size = mean.shape[0] if mean.ndim == 1 else 0
    if not size or covariance.shape != (size, size):
        raise DataError(
            f"{path}: mu {mean.shape} and sigma {covariance.shape}; expected (d,) and (d, d)"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise DataError(f"{path}: mu or sigma holds numbers that are not finite")
    if not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-8 * np.abs(covariance).max()):
        raise DataError(f"{path}: sigma is not symmetric, as a covariance is")
    _check_about(path, about)
    images = about.pop("images", None)
    known = isinstance(images, int) and images > 1
    return Statistics(mean, covariance, images if known else None, about)


def _check_about(path: str, about: Any) -> None:
    """DataError unless the document of a file says what ours says, as far as it is used."""
    if not isinstance(about, dict):
        raise DataError(f"{path}: about: found {type(about).__name__}; expected a JSON object")
    features = about.get("features")
    if features is not None:
        names = features if isinstance(features, dict) else {}
        name, column = names.get("name"), names.get("column")
        known = isinstance(name, str) and isinstance(column, str) and COLUMN.fullmatch(column)
        if not known or (column == FID) != (name == OFFICIAL):
            raise DataError(
                f"{path}: about: features: found {features!r:.80}; expected their name, and the"
                " column of their distance"
            )
    history = about.get("history", [])
    if not (isinstance(history, list) and all(isinstance(entry, dict) for entry in history)):
        raise DataError(f"{path}: about: history: expected a list of objects")
