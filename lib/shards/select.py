"""Choosing images of a set: by key, number, class, condition, or at random.

A selection says of each image, in reading order, whether it is wanted.  What is drawn at random
depends on the seed and the image's number alone, so a selection and its inverse share nothing and
leave nothing out.
"""

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from advlib.conditions import Comparison
from advlib.errors import DataError
from advlib.jobs.keyed_random import distinct_words
from advlib.shards.chunk import IMAGES, Chunk
from advlib.shards.reader import ShardSet
from advlib.shards.stream import ShardStream

KEYS = ("key", "image")  # names of the column that holds the keys of images
BITS = 16  # of the bins in which random words are counted to find how far to draw
BLOCK = 1 << 20  # numbers drawn at a time


@dataclass
class KeyTable:
    """Keys, in a list or a table: `rows` by `unpadded` key, `columns` the names of the others."""

    name: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    met: set[str] = field(default_factory=set)  # keys that an image had

    @property
    def unmet(self) -> list[str]:
        """Keys of which no image was met, once all have been read."""
        return [key for key in self.rows if key not in self.met]


def unpadded(key: str) -> str:
    """A key, without its leading zeros if it is a number: tables lose them on the way."""
    return key.lstrip("0") or "0" if key.isascii() and key.isdecimal() else key


def read_keys(file: BinaryIO, name: str, conditions: Sequence[Comparison] = ()) -> KeyTable:
    """A list of keys, one a line, or a CSV table with a column `key` or `image`.

    conditions: on the other columns; rows that do not satisfy all are left out.
    Raises DataError for what is neither, and for a key that comes twice, with other values, among
    the rows that stay.
    """
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name}: not UTF-8 text; expected keys, one a line, or a CSV") from None
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as err:
        raise DataError(f"{name}: {err}; expected keys, one a line, or a CSV") from None
    head = lines[0] if lines else None
    if not head:
        raise DataError(f"{name}: empty; expected keys, one a line, or a CSV with a column key")
    at = next((head.index(k) for k in KEYS if k in head), None)
    if at is None and len(head) > 1:
        raise DataError(f"{name}: no column key or image among {', '.join(head)}")
    begin = 0 if at is None else 1
    head, at = (["key"], 0) if at is None else (head, at)
    rows = [(number, cells) for number, cells in enumerate(lines[begin:], begin + 1) if cells]
    for number, cells in rows:
        if len(cells) != len(head):
            raise DataError(f"{name}:{number}: {len(cells)} cells; expected {len(head)}")
    columns = {column: [cells[i] for _, cells in rows] for i, column in enumerate(head)}
    keep = np.ones(len(rows), bool)
    for condition in conditions:
        keep &= _row_mask(condition, columns)
    table = KeyTable(name, tuple(h for i, h in enumerate(head) if i != at), {})
    for number, cells in itertools.compress(rows, keep):
        key, values = unpadded(cells[at].strip()), (*cells[:at], *cells[at + 1 :])
        if table.rows.setdefault(key, values) != values:
            raise DataError(f"{name}:{number}: key {key!r} comes again with other values")
    return table


def _row_mask(condition: Comparison, columns: Mapping[str, list[str]]) -> np.ndarray:
    """Which rows of a table satisfy a condition; where all cells of a column are numbers or truth
    values, they are compared as such.
    """
    cells = columns.get(condition.column, [])
    spelled = {cell.lower() for cell in cells} - {""}
    if spelled and spelled <= {"true", "false"}:
        return _spelled(condition).mask({condition.column: [cell.lower() for cell in cells]})
    numbers = {name: _numbers(columns.get(name)) for name in (condition.column, condition.value)}
    if numbers[condition.column] is None:
        return condition.mask(columns)
    return condition.mask({k: v for k, v in numbers.items() if v is not None})


def _numbers(cells: Sequence[str] | None) -> np.ndarray | None:
    """Cells as numbers, NaN where one is empty; None where any is no number or all are empty."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells]) if any(cells) else None
    except (TypeError, ValueError):
        return None


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

    def column(self, name: str) -> Callable[[Chunk], list[str | None]]:
        """What gives the texts of a field, or of a column of `keys`, for the images of a chunk.

        Raises DataError for a column that the keys lack.
        """
        if self.keys is None or name not in self.keys.columns:
            return lambda chunk: _texts(chunk, name)
        at, rows = self.keys.columns.index(name), self.keys.rows
        return lambda chunk: [
            rows[key][at] if key in rows else None for key in map(unpadded, chunk.key_texts())
        ]

    def of_set(self, shards: ShardSet) -> Iterator[Chunk]:
        """The wanted images of a set in files, in order; reads no others where it can."""
        limits = self._limits(shards) if self.random is not None else {}
        if not self.by_number:
            yield from self._of_chunks(shards.chunks(), limits)
            return
        for numbers in _blocks(len(shards)):
            wanted = numbers[self._wanted(numbers, limits) ^ self.invert]
            for at in range(0, len(wanted), IMAGES):
                yield shards.read(wanted[at : at + IMAGES])

    def of_stream(self, stream: ShardStream) -> Iterator[Chunk]:
        """The wanted images of a stream, in order.

        Raises ValueError for `random`, which needs a set in files, since it reads it twice.
        """
        if self.random is not None:
            raise ValueError("a random selection of a stream")
        return self._of_chunks(stream.chunks(), {})

    def _of_chunks(
        self, chunks: Iterable[Chunk], limits: Mapping[int, int | None]
    ) -> Iterator[Chunk]:
        seen = np.zeros(0, np.int64)  # wanted so far of each class
        for chunk, numbers in _numbered(chunks):
            keep = self._fits(chunk, numbers)
            keep &= self._wanted(numbers, limits, chunk.label)
            if self.per_class is not None:
                seen = np.r_[seen, np.zeros(max(0, int(chunk.label.max()) + 1 - len(seen)), int)]
                for label in np.unique(chunk.label[keep]):
                    mine = np.flatnonzero(keep & (chunk.label == label))
                    keep[mine[max(self.per_class - int(seen[label]), 0) :]] = False
                    seen[label] += len(mine)
            keep ^= self.invert
            if keep.any():
                yield chunk.take(keep)

    def _wanted(self, numbers, limits: Mapping[int, int], labels=None) -> np.ndarray:
        """Which images lie in the range and are drawn; labels only where it is stratified."""
        first, last = self.numbers or (0, None)
        keep = (numbers >= first) & (numbers < (last if last is not None else 2**62))
        if self.random is None:
            return keep
        groups = labels if self.stratified else np.zeros(len(numbers), np.int64)
        drawn = np.zeros(len(numbers), bool)
        words = distinct_words(numbers, self.seed)
        for group in np.unique(groups):
            if limits.get(int(group)) is not None:
                drawn |= (groups == group) & (words <= np.uint64(limits[int(group)]))
        return keep & drawn

    def _fits(self, chunk: Chunk, numbers: np.ndarray) -> np.ndarray:
        """Which images have a wanted class and key, and satisfy the conditions."""
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
                keep &= (_spelled(condition) if truth else condition).mask(columns)
        return keep

    def _limits(self, shards: ShardSet) -> dict[int, int | None]:
        """How far to draw: the highest random word that is wanted, by class.

        Two passes over the candidates count their words in bins, and sort those of one bin, so
        that memory does not grow with the set.
        """
        bins: dict[int, np.ndarray] = {}
        for groups, words in self._candidates(shards):
            for group in np.unique(groups):
                top = (words[groups == group] >> np.uint64(64 - BITS)).astype(np.int64)
                count = np.bincount(top, minlength=1 << BITS)
                bins[int(group)] = bins.get(int(group), 0) + count
        totals = {group: int(count.sum()) for group, count in sorted(bins.items())}
        targets = _shares(self._how_many(sum(totals.values())), totals)
        edges = {
            group: int(np.searchsorted(np.cumsum(bins[group]), target))
            for group, target in targets.items()
            if target
        }
        inside: dict[int, list] = {group: [] for group in edges}
        for groups, words in self._candidates(shards):
            top = (words >> np.uint64(64 - BITS)).astype(np.int64)
            for group, edge in edges.items():
                inside[group].append(words[(groups == group) & (top == edge)])
        limits: dict[int, int | None] = dict.fromkeys(targets)
        for group, edge in edges.items():
            rest = targets[group] - int(bins[group][:edge].sum())
            limits[group] = int(np.sort(np.concatenate(inside[group]))[rest - 1])
        return limits

    def _candidates(self, shards: ShardSet) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Class (0 if not stratified) and random word of each image that may be drawn."""
        first, last = self.numbers or (0, None)
        if self.by_number:
            for numbers in _blocks(len(shards)):
                inside = numbers[first <= numbers]
                inside = inside if last is None else inside[inside < last]
                yield np.zeros(len(inside), np.int64), distinct_words(inside, self.seed)
            return
        for chunk, numbers in _numbered(shards.chunks()):
            keep = self._fits(chunk, numbers) & (numbers >= first)
            keep &= last is None or numbers < last
            groups = chunk.label if self.stratified else np.zeros(len(chunk), np.int64)
            yield groups[keep], distinct_words(numbers[keep], self.seed)

    def _how_many(self, candidates: int) -> int:
        if isinstance(self.random, float):
            return round(self.random * candidates)
        if self.random > candidates:
            raise DataError(f"a random {self.random} of {candidates} images; expected at most all")
        return self.random


def _shares(count: int, totals: Mapping[int, int]) -> dict[int, int]:
    """How many of `count` each class gets, in proportion; the largest remainders round up."""
    whole = max(sum(totals.values()), 1)
    shares = {group: count * total // whole for group, total in totals.items()}
    by_rest = sorted(totals, key=lambda group: (-(count * totals[group] % whole), group))
    for group in by_rest[: count - sum(shares.values())]:
        shares[group] += 1
    return shares


def _blocks(count: int) -> Iterator[np.ndarray]:
    for at in range(0, count, BLOCK):
        yield np.arange(at, min(at + BLOCK, count))


def _numbered(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, np.ndarray]]:
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


def _spelled(condition: Comparison) -> Comparison:
    """A condition on a truth value with it written as true or false."""
    value = {"1": "true", "0": "false"}.get(condition.value, condition.value.lower())
    return replace(condition, value=value)


def _texts(chunk: Chunk, name: str) -> list[str]:
    """A scalar field as texts: true and false, nothing for None."""
    values = {"label": chunk.label, "key": chunk.key}.get(name)
    values = chunk.fields.get(name) if values is None else values
    if values is None or values.ndim != 1:
        have = ", ".join(["label", "key", *chunk.fields])
        raise DataError(f"no scalar field {name!r} among {have}")
    return [
        "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
        for v in values.tolist()
    ]
