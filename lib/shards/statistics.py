"""What a set's images are like: channel means, class balance, exact duplicates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from advlib.shards.chunk import Chunk
from advlib.shards.duplicates import DuplicateFinder, hash_rows

LONG = 1 << 16  # values of an image that are summed in one row


@dataclass
class Statistics:
    """Sums over images; exact, since all are integers."""

    images: int = 0
    pixels: int = 0  # of one channel
    total: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    squares: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    class_counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    repeated: int = 0  # images that equal an earlier one of their set
    shared: int = 0  # images that are in another of the sets as well

    def add(self, chunk: Chunk) -> None:
        """Take the images of a chunk into account."""
        self.images += len(chunk)
        self.pixels += int(np.prod(chunk.image.shape[:3]))
        self.total = self.total + _sums(chunk.image)
        self.squares = self.squares + _sums(np.square(chunk.image, dtype=np.uint16))
        counts = np.bincount(chunk.label, minlength=len(self.class_counts))
        counts[: len(self.class_counts)] += self.class_counts
        self.class_counts = counts

    @property
    def mean(self) -> np.ndarray:
        """Mean of each channel, (c,) in [0, 1]."""
        return self.total / (255 * self.pixels)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of each channel over all pixels, (c,) in [0, 1]."""
        spread = self.pixels * self.squares.astype(object) - self.total.astype(object) ** 2
        return np.sqrt(spread.astype(float)) / (255 * self.pixels)


def _sums(values: np.ndarray) -> np.ndarray:
    """The sum of each channel of (n, h, w, c), (c,) int64."""
    # over images first, whose rows are long: 15 times as fast as over all three axes at once; over
    # the lines of large ones, lest the sums, which are int64, take more room than the images
    rows = len(values) * (values.shape[1] if values[0].size > LONG else 1)
    by_place = values.reshape(rows, -1).sum(0, dtype=np.int64)
    return by_place.reshape(-1, values.shape[-1]).sum(0)


def measure(
    sets: Sequence[Iterable[Chunk]],
    finder: DuplicateFinder,
    tick: Callable[[int], None] = lambda n: None,
) -> list[Statistics]:
    """Statistics of sets, each given as its chunks; hashes go into `finder`, by set and number.

    tick: called with the number of images done, now and then.
    """
    out = [Statistics() for _ in sets]
    for which, (chunks, statistics) in enumerate(zip(sets, out, strict=True)):
        for chunk in chunks:
            rows = np.ascontiguousarray(chunk.image).reshape(len(chunk), -1)
            finder.add(hash_rows(row.data for row in rows), which, statistics.images)
            statistics.add(chunk)
            tick(len(chunk))
    for records in finder.groups():
        pairs, counts = np.unique(records[["group", "set"]], return_counts=True)
        if not len(pairs):
            continue
        wide = np.bincount(pairs["group"])[pairs["group"]] > 1  # groups that several sets share
        for which, statistics in enumerate(out):
            mine = pairs["set"] == which
            statistics.repeated += int((counts[mine] - 1).sum())
            statistics.shared += int(counts[mine & wide].sum())
    return out
