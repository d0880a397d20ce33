"""The order in which training reads images: several sets, several passes, resumable anywhere.

The synthetic sets are read one after another, each for its number of passes: 1.5 passes are every
image once and a random half of them once more.  A real set, if any, is mixed in at a fixed share of
every batch and read over and over.  Within a pass no image comes twice, and every pass has an order
of its own.  The whole sequence is a function of the seed: it is computed from any batch on, for any
number of readers, and its state is the seed and the count of images seen.

Images are shuffled in blocks, so that a reader touches few chunks at a time: a pass permutes the
chunks of its set, cuts them into blocks of at most `window` chunks, as even as can be, and permutes
the images of each block.  So the images of a chunk all come within one block, and half a pass is
the images of a random half of the chunks, but for the block where it stops.  For a set that was
shuffled when it was packed this does no harm, since each of its chunks is a random sample already.
For one whose C chunks each hold a single class, the share of a class with overall share p strays
from p, throughout a block of W chunks, by a standard deviation of

    sqrt(p (1 - p) / W * (C - W) / (C - 1)),

at most 0.0375 for ten classes and W = 64.  Among as many images drawn singly it would be smaller by
the square root of the chunk size.

Source: Bartoldson et al. 2024 read synthetic images once in random order, without replacement, and
for the final models 1.5 or 2 times with 1 real image to 7 synthetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.jobs.keyed_random import permutation

FORMAT, VERSION = "advorder", 1
WINDOW = 64  # chunks that are shuffled together: 200 MB of 32x32 images, 64,000 of them


@dataclass(frozen=True, eq=False)
class Part:
    """One set in the order.

    chunk_sizes: (C,) integers >= 0, the images of each chunk of the set, in set order.
    passes: how often the set is read, > 0; of no effect on a real set, which is read without end.
    name: what messages call the set.
    digest: identifies its content; a resumed order must have the same.
    """

    chunk_sizes: Sequence[int] | np.ndarray
    passes: Fraction = Fraction(1)
    name: str = "a set"
    digest: str = ""


@dataclass(frozen=True, eq=False)
class BatchIndices:
    """Which images are in a batch, or in one rank's slice of it: three (b,) int64 arrays.

    part: the set of each image, an index into the parts; the real set comes after the last part.
    number: the image within its set, in set order, from 0.
    position: the image within the whole sequence, from 0; no two images of an order share it.
    """

    part: np.ndarray
    number: np.ndarray
    position: np.ndarray


class Order:
    """A sequence of batches of images.

    Every batch has `batch` images, the last one perhaps fewer; `share` of them, rounded down, are
    real.  Real images are spread evenly over a batch, so that each rank's slice has its share to
    within one image.

    parts: the synthetic sets, in reading order.
    batch: images of a batch over all ranks, >= 1.
    seed: of every permutation.
    real: the set to mix in, which may also be one of the parts.
    share: of real images in every batch, in [0, 1); above 0 where there is a real set.
    window: chunks that are shuffled together, >= 1; with 3 or more, no block is a lone chunk unless
        the set is.

    Its `images` are those of all batches; its `digest` fingerprints everything but the seed; its
    `names` are those of the sets, in the numbering of `BatchIndices`.

    Raises DataError for an empty set and for values outside these ranges.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        batch: int,
        seed: int = 0,
        real: Part | None = None,
        share: Fraction = Fraction(0),
        window: int = WINDOW,
    ) -> None:
        if not parts:
            raise DataError("no set to read, expected one or more")
        if batch < 1:
            raise DataError(f"batch of {batch} images, expected 1 or more")
        if not 0 <= share < 1:
            raise DataError(f"share {share} of real images, expected at least 0 and less than 1")
        if window < 1:
            raise DataError(f"window of {window} chunks, expected 1 or more")
        self.batch_size, self.seed = batch, seed
        self.names = [part.name for part in parts] + ([] if real is None else [real.name])
        # The floor of batch * share, by integers: in floating point 10 * (1 - 0.7) exceeds 3.
        self.real_size = batch * share.numerator // share.denominator
        if share and real is None:
            raise DataError(f"share {share} of real images but no real set")
        if real is not None and self.real_size == 0:
            raise DataError(f"share {share} leaves no room for real images in a batch of {batch}")
        self._streams = [_Passes(part, window, f"{seed} {i}") for i, part in enumerate(parts)]
        self._real = None if real is None else _Passes(real, window, f"{seed} real")
        counts = [
            _images_of(part, stream.images)
            for part, stream in zip(parts, self._streams, strict=True)
        ]
        self._ends = np.cumsum(counts).tolist()  # of each part, in synthetic images
        full, rest = divmod(self._ends[-1], batch - self.real_size)
        self._batches = full + (rest > 0)
        # Real images keep their proportion in a short last batch, rounded half up.
        synthetic_size = batch - self.real_size
        rest_real = (2 * rest * self.real_size + synthetic_size) // (2 * synthetic_size)
        self._last = (rest + rest_real, rest_real) if rest else (batch, self.real_size)
        self.images = (self._batches - 1) * batch + self._last[0]
        self.digest = _digest(parts, real, f"{batch} {share} {window}")

    def __len__(self) -> int:
        """The number of batches."""
        return self._batches

    def batch(self, t: int, rank: int = 0, ranks: int = 1) -> BatchIndices:
        """Batch `t` in [0, len(self)), or the slice of it that `rank` of `ranks` takes.

        A rank takes one stretch of the batch, and the stretches of all ranks make up the batch.
        Their sizes differ by at most one image; in a short last batch they can be empty.

        Raises DataError for more ranks than a batch has images, IndexError for another `t`.
        """
        if not 0 <= t < self._batches:
            raise IndexError(f"batch {t} of {self._batches}")
        if not 0 <= rank < ranks <= self.batch_size:
            raise DataError(
                f"rank {rank} of {ranks}, expected ranks from 0 for at most"
                f" {self.batch_size} ranks, the images of a batch"
            )
        size, real = self._last if t == self._batches - 1 else (self.batch_size, self.real_size)
        start, stop = rank * size // ranks, (rank + 1) * size // ranks
        real_start, real_stop = start * real // size, stop * real // size
        position = t * self.batch_size + np.arange(start, stop)
        before = t * (self.batch_size - self.real_size) - real_start + start
        part, number = self._synthetic(before, before + stop - start - real_stop + real_start)
        if self._real is None:
            return BatchIndices(part, number, position)
        is_real = self.is_real(position, t == self._batches - 1)
        indices = BatchIndices(np.full_like(position, len(self._streams)), 0 * position, position)
        indices.part[~is_real], indices.number[~is_real] = part, number
        before = t * self.real_size
        indices.number[is_real] = self._real.numbers(before + real_start, before + real_stop)
        return indices

    def is_real(self, position: Any, last: bool = False) -> Any:
        """Whether images are real, by their positions, (b,).  last: whether of the last batch."""
        size, real = self._last if last else (self.batch_size, self.real_size)
        j = position % self.batch_size
        return (j + 1) * real // size > j * real // size

    def state(self, images: int) -> dict:
        """What resuming after `images` images seen needs, as a JSON document.

        Raises DataError unless `images` is the end of a batch, or 0.
        """
        self._batch_after(images)
        return {
            "format": FORMAT,
            "version": VERSION,
            "seed": self.seed,
            "images": images,
            "digest": self.digest,
        }

    def resume(self, state: Mapping) -> int:
        """The batch to go on with after `state`; len(self) where all images have been seen.

        Raises DataError for a document that is not a state of this very order.
        """
        if not isinstance(state, Mapping):
            raise DataError(f"state of the reading order: {state!r}, expected a JSON object")
        wanted = {"format": FORMAT, "version": VERSION, "seed": self.seed, "digest": self.digest}
        for name, value in wanted.items():
            found = state.get(name)
            if type(found) is not type(value) or found != value:
                why = " (its sets, passes, share, batch or window differ)"
                raise DataError(
                    f"state of the reading order: {name} {found!r}, expected {value!r}"
                    + (why if name == "digest" else "")
                )
        return self._batch_after(state.get("images"))

    def _batch_after(self, images: Any) -> int:
        """The number of the batch that follows `images` images; DataError within a batch."""
        if type(images) is not int or not 0 <= images <= self.images:
            raise DataError(
                f"state of the reading order: images {images!r},"
                f" expected a count from 0 to {self.images}"
            )
        if images == self.images:
            return self._batches
        t, over = divmod(images, self.batch_size)
        if over:
            raise DataError(
                f"state of the reading order: images {images},"
                f" expected whole batches of {self.batch_size}"
            )
        return t

    def _synthetic(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Part and number of the synthetic images from `start` to `stop`, counted without real."""
        part = np.empty(stop - start, np.int64)
        number = np.empty(stop - start, np.int64)
        first = 0
        for i, end in enumerate(self._ends):
            low, high = max(start, first), min(stop, end)
            if low < high:
                piece = slice(low - start, high - start)
                part[piece] = i
                number[piece] = self._streams[i].numbers(low - first, high - first)
            first = end
        return part, number


class _Passes:
    """Endless passes over one set.  One pass's chunks and one block's images are held."""

    def __init__(self, part: Part, window: int, key: str) -> None:
        sizes = np.asarray(part.chunk_sizes, np.int64)
        self.images = int(sizes.sum())
        if self.images == 0:
            raise DataError(f"{part.name}: no images, expected one or more")
        self._sizes, self._firsts = sizes, np.cumsum(sizes) - sizes
        blocks = -(-len(sizes) // window)
        self._edges = np.arange(blocks + 1) * len(sizes) // blocks  # of the blocks, in chunks
        self._key = key
        self._turn = self._block = -1

    def numbers(self, start: int, stop: int) -> np.ndarray:
        """The (stop - start,) images at these positions of the passes put end to end."""
        pieces = [np.empty(0, np.int64)]
        while start < stop:
            turn, within = divmod(start, self.images)
            self._load_block(turn, within)
            low = within - int(self._starts[self._block])
            pieces.append(self._held[low : low + stop - start])
            start += len(pieces[-1])
        return np.concatenate(pieces)

    def _load_block(self, turn: int, within: int) -> None:
        """Hold pass `turn`, and the block of it in which the image at position `within` is."""
        if turn != self._turn:
            self._chunks = permutation(FORMAT, "chunks", self._key, turn, size=len(self._sizes))
            ends = np.concatenate([[0], np.cumsum(self._sizes[self._chunks])])
            self._starts = ends[self._edges]  # of the blocks, in images
            self._turn, self._block = turn, -1
        block = int(np.searchsorted(self._starts, within, side="right")) - 1
        if block != self._block:
            chunks = self._chunks[self._edges[block] : self._edges[block + 1]]
            sizes = self._sizes[chunks]
            ends = np.cumsum(sizes)
            numbers = np.arange(ends[-1]) + np.repeat(self._firsts[chunks] - ends + sizes, sizes)
            purpose = (FORMAT, "images", self._key, turn, block)
            self._held = numbers[permutation(*purpose, size=len(numbers))]
            self._block = block


def _images_of(part: Part, images: int) -> int:
    """How many images `part`, a set of `images`, gives to the order."""
    count = round(part.passes * images)
    if count < 1:
        raise DataError(
            f"{part.name}: {part.passes} passes over {images} images,"
            " expected more than 0 and enough for one image"
        )
    return count


def _digest(parts: Sequence[Part], real: Part | None, settings: str) -> str:
    """The fingerprint of all that fixes the order but the seed."""
    out = blake2b(settings.encode(), digest_size=16)
    roles = [(part, str(part.passes)) for part in parts] + ([(real, "real")] if real else [])
    for part, role in roles:
        sizes = np.asarray(part.chunk_sizes, "<i8")
        out.update(f"\n{role} {len(sizes)} {part.digest}\n".encode())
        out.update(sizes.tobytes())
    return out.hexdigest()
