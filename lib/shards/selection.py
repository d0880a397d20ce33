"""Choosing images of a set: by key, number, class, condition, or at random.

A selection says of each image, in reading order, whether it is wanted.  What is drawn at random
depends on the seed and the image's number alone, so a selection and its inverse share nothing and
leave nothing out.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advlib.conditions import Comparison
from advlib.errors import DataError
from advlib.jobs.keyed_random import distinct_words
from advlib.shards.chunk import Chunk
from advlib.shards.image_size import images_at_once
from advlib.shards.key_table import KeyTable, unpadded, with_truth_value
from advlib.shards.random_draw import Candidates, highest_words
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

BLOCK = 1 << 20  # numbers drawn at a time


@dataclass
class Selection:
    """What is wanted of a set; what is left empty does not restrict.

    numbers: positions in the set, [first, last).  classes: labels.  keys: only these keys.
    conditions: on scalar fields of the images, and on `label`, `key`, `number`.
    random: that many of what is left (int), or that share of it (float in (0, 1]); stratified: of
        each class alike.
    per_class: the first so many of each class of what is left.  invert: all others instead.
    """

    numbers: tuple[int, int | None] | None = None
    classes: frozenset[int] | None = None
    keys: KeyTable | None = None
    conditions: Sequence[Comparison] = ()
    random: int | float | None = None
    stratified: bool = False
    seed: int = 0
    per_class: int | None = None
    invert: bool = False

    @property
    def by_number(self) -> bool:
        """Whether images need not be read to know which are wanted."""
        read = (self.classes, self.keys, self.per_class)
        return read == (None, None, None) and not self.conditions and not self.stratified

    def images(self, source: ShardSet | ShardStream) -> Iterator[Chunk]:
        """The wanted images, in order; of a set in files reads no others where it can.

        Raises ValueError for a `random` selection of a stream, since it reads its set twice.
        """
        if isinstance(source, ShardSet):
            return self._of_set(source)
        if self.random is not None:
            raise ValueError("a random selection of a stream")
        return self._of_chunks(source.chunks(), {})

    def job(self, source: ShardSet | ShardStream) -> dict | None:
        """What identifies a copy of the images, so that a killed one goes on; None of a stream."""
        if isinstance(source, ShardStream):
            return None
        rows = repr(self.keys and self.keys.rows).encode()
        return {"set": source.digest, "keys": hashlib.sha256(rows).hexdigest()}

    def empty(self, source: ShardSet | ShardStream) -> DataError:
        """The error of a selection of which no image was found."""
        lacks = self.keys.unmet if self.keys and not self.keys.met else None  # of another set?
        why = (
            f"; none has a key of {self.keys.name}, as {lacks[0]!r}" if self.keys and lacks else ""
        )
        return DataError(f"{source.name}: no image is selected{why}")

    def column(self, name: str) -> Callable[[Chunk], Sequence[str | None]]:
        """What gives the texts of a field, or of a column of `keys`, for the images of a chunk."""
        if self.keys is None or name not in self.keys.columns:
            return lambda chunk: _texts(chunk, name)
        at, rows = self.keys.columns.index(name), self.keys.rows
        return lambda chunk: [
            rows[key][at] if key in rows else None for key in map(unpadded, chunk.key_texts())
        ]

    def _of_set(self, shards: ShardSet) -> Iterator[Chunk]:
        highest: Mapping[int, int | None] = {}
        if self.random is not None:
            highest = highest_words(lambda: self._candidates(shards), self.random)
        if not self.by_number:
            yield from self._of_chunks(shards.chunks(), highest)
            return
        step = images_at_once(shards.shape)
        for numbers in _blocks(len(shards)):
            wanted = numbers[self._wanted(numbers, highest) ^ self.invert]
            for at in range(0, len(wanted), step):
                yield shards.read(wanted[at : at + step])

    def _of_chunks(
        self, chunks: Iterable[Chunk], highest: Mapping[int, int | None]
    ) -> Iterator[Chunk]:
        seen = np.zeros(0, np.int64)  # wanted so far of each class
        for chunk, numbers in _numbered(chunks):
            keep = self._fits(chunk, numbers)
            keep &= self._wanted(numbers, highest, chunk.label)
            if self.per_class is not None:
                seen = np.r_[seen, np.zeros(max(0, int(chunk.label.max()) + 1 - len(seen)), int)]
                for label in np.unique(chunk.label[keep]):
                    mine = np.flatnonzero(keep & (chunk.label == label))
                    keep[mine[max(self.per_class - int(seen[label]), 0) :]] = False
                    seen[label] += len(mine)
            keep ^= self.invert
            if keep.any():
                yield chunk.take(keep)

    def _wanted(
        self,
        numbers: np.ndarray,
        highest: Mapping[int, int | None],
        label: np.ndarray | None = None,
    ) -> np.ndarray:
        """Which images lie in the range and are drawn, (n,) bool; highest: see highest_words."""
        keep = self._in_range(numbers)
        if self.random is None:
            return keep
        classes = self._drawn_by(numbers, label)
        drawn = np.zeros(len(numbers), bool)
        words = distinct_words(numbers, self.seed)
        for each in np.unique(classes):
            last = highest.get(int(each))
            if last is not None:
                drawn |= (classes == each) & (words <= np.uint64(last))
        return keep & drawn

    def _in_range(self, numbers: np.ndarray) -> np.ndarray:
        first, last = self.numbers or (0, None)
        return (numbers >= first) & (numbers < (last if last is not None else 2**62))

    def _drawn_by(self, numbers: np.ndarray, label: np.ndarray | None) -> np.ndarray:
        """The class in which each image is drawn, (n,): 0 for all where it is not stratified."""
        if self.stratified and label is not None:
            return label
        return np.zeros(len(numbers), np.int64)

    def _fits(self, chunk: Chunk, numbers: np.ndarray) -> np.ndarray:
        """Which images have a wanted class and key, and satisfy the conditions, (n,) bool."""
        keep = np.ones(len(chunk), bool)
        if self.classes is not None:
            keep &= np.isin(chunk.label, sorted(self.classes))
        if self.keys is not None:
            texts = [*map(unpadded, chunk.key_texts())]
            found = [text in self.keys.rows for text in texts]
            self.keys.met.update(itertools.compress(texts, found))
            keep &= np.array(found)
        if self.conditions:
            columns = _columns(chunk, numbers)
            for condition in self.conditions:
                truth = chunk.fields.get(condition.column, chunk.label).dtype == bool
                keep &= (with_truth_value(condition) if truth else condition).mask(columns)
        return keep

    def _candidates(self, shards: ShardSet) -> Candidates:
        """Class and random word of each image that may be drawn."""
        if self.by_number:
            for numbers in _blocks(len(shards)):
                inside = numbers[self._in_range(numbers)]
                yield self._drawn_by(inside, None), distinct_words(inside, self.seed)
            return
        for chunk, numbers in _numbered(shards.chunks()):
            keep = self._fits(chunk, numbers) & self._in_range(numbers)
            classes = self._drawn_by(numbers, chunk.label)
            yield classes[keep], distinct_words(numbers[keep], self.seed)


def _blocks(count: int) -> Iterator[np.ndarray]:
    for at in range(0, count, BLOCK):
        yield np.arange(at, min(at + BLOCK, count))


def _numbered(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, np.ndarray]]:
    """Each chunk with the numbers of its images, (n,), counted from the first."""
    first = 0
    for chunk in chunks:
        yield chunk, np.arange(first, first + len(chunk))
        first += len(chunk)


def _columns(chunk: Chunk, numbers: np.ndarray) -> dict[str, np.ndarray | list[str]]:
    """Scalar fields of images as columns of a table: numbers as arrays, the rest as texts."""
    columns: dict = {"label": chunk.label, "key": chunk.key_texts(), "number": numbers}
    for name, values in chunk.fields.items():
        if values.ndim == 1:
            columns[name] = values if values.dtype.kind in "iuf" else _texts(chunk, name)
    return columns


def _texts(chunk: Chunk, name: str) -> list[str]:
    """A scalar field as texts: true and false, nothing for None.

    Raises DataError for one that the images have not.
    """
    values = {"label": chunk.label, "key": chunk.key}.get(name)
    values = chunk.fields.get(name) if values is None else values
    if values is None or values.ndim != 1:
        have = ", ".join(["label", "key", *chunk.fields])
        raise DataError(f"no scalar field {name!r} among {have}")
    return [
        "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
        for v in values.tolist()
    ]
