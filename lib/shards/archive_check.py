"""One archive read to its last byte: everything that is wrong with it, and where."""

import hashlib
import io
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk, key_text
from advlib.shards.chunk_layout import decode_chunk
from advlib.shards.constants import DESCRIPTION, IMAGES_PER_CHUNK
from advlib.shards.duplicates import DuplicateFinder, hash_rows
from advlib.shards.form import Form, field_shapes, require_same_form
from advlib.shards.index import Index, ShardEntry
from advlib.shards.members import Members, layout_of
from advlib.shards.sample_layout import decode_samples
from advlib.shards.stream import read_samples
from advlib.shards.tar import Readable, TarReader

Tick = Callable[[int], None]  # called with each number of images that has been read


@dataclass(frozen=True)
class Problem:
    """Something wrong: in which file, at which sample (key, or empty), and what."""

    file: str
    sample: str
    problem: str


class _HashedFile:
    """A file that is hashed as it is read, and never seeks, so that every byte is seen."""

    def __init__(self, file: Readable):
        self._file, self.digest, self.size = file, hashlib.sha256(), 0

    def read(self, count: int, /) -> bytes:
        data = self._file.read(count)
        self.digest.update(data)
        self.size += len(data)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._file.readinto(buffer)
        self.digest.update(buffer[:count])
        self.size += count
        return count

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation


@dataclass
class Expected:
    """What the index says of a set, or else its first images: all others are to have the same.

    chunk: images of each chunk but a shard's last.  names: of fields, in as many samples as a
    reader takes together.  arrays: names of the fields that are arrays, in the sample layout.
    fields: the shape of each for one image.
    """

    classes: int | None = None
    layout: str | None = None
    shape: tuple[int, ...] | None = None
    class_names: list[str] | None = None
    chunk: int | None = None
    names: set[str] | None = None
    arrays: set[str] | None = None
    fields: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def by(cls, index: Index) -> Self:
        """What an index says."""
        class_names = list(index.class_names) if index.class_names else None
        about = index.classes, index.layout, index.shape, class_names, index.chunk
        return cls(*about, names={*index.fields})

    def described(self, found: dict[str, Any]) -> Iterator[str]:
        """What a description says that is not so."""
        self.class_names = self.class_names or found.get("class_names")
        for what in ("layout", "classes", "class_names"):
            said, true = found.get(what), getattr(self, what)
            if None not in (said, true) and said != true:
                yield f"{what} {said!r}; the set has {true!r}"

    def decode(self, key: str, members: Members, path: str, classes: int | None) -> Chunk:
        """The chunk of one sample of the archive `path`, checked.

        classes: how many the archive's description says there are.  Raises DataError.
        """
        where = f"{path}: {key}"
        layout = layout_of(members)
        self.layout = self.layout or layout
        if layout != self.layout:
            raise DataError(f"{where}: {layout} layout in a set of {self.layout} layout")
        if layout == "chunk":
            chunk = decode_chunk(members, where)
        else:
            chunk = decode_samples([(key, members)], path)
        if self.shape is None:
            self.shape = chunk.image.shape[1:]
        shapes = field_shapes(chunk)
        for name, found in shapes.items():
            expected = self.fields.setdefault(name, found)
            if found != expected:
                raise DataError(
                    f"{where}: field {name!r} of shape {found}, before it {expected}; expected one"
                    " shape"
                )
        arrays = {name for name, found in shapes.items() if found}
        if layout == "sample":
            if self.arrays is None:
                self.arrays = arrays
            if odd := ", ".join(sorted(arrays ^ self.arrays)):
                raise DataError(f"{where}: only some images have {odd}")
        form = Form(self.shape, shapes, self.classes or classes)
        (chunk,) = require_same_form([chunk], form, path)
        return chunk

    def odd_names(self, path: str, key: str, names: set[str]) -> Iterator[Problem]:
        """A problem where images have other fields than those before them."""
        if self.names is None:
            self.names = names
        if odd := names ^ self.names:
            yield Problem(path, key, f"only some images have {', '.join(sorted(odd))}")


class ArchiveCheck:
    """One archive, read to its last byte.

    before: how many images of the set came before it.  start: the number that its first image has
    in the set, by the index; None where no index says it.
    """

    def __init__(
        self,
        file: Readable,
        path: str,
        expected: Expected,
        keys: DuplicateFinder,
        before: int,
        start: int | None,
        tick: Tick,
    ):
        self.path, self.samples, self.images = path, 0, 0
        self.counts = np.zeros(0, np.int64)  # images of each class
        self._file, self._whole = _HashedFile(file), True
        self._expected, self._keys = expected, keys
        self._before, self._start, self._tick = before, start, tick

    def problems(self) -> Generator[Problem, None, int]:
        """What is wrong with its samples; returns how many images it holds."""
        path, expected = self.path, self._expected
        place = self._start  # of the next chunk; None where one is not known
        names: set[str] | None = None
        short = ""  # a chunk that should be the last of the shard
        descriptions: list[dict[str, Any]] = []
        samples = read_samples(TarReader(self._file, path), path, descriptions)
        while True:
            try:
                key, members = next(samples)
            except StopIteration:
                break
            except DataError as err:
                yield problem_of(err, path)
                self._whole = False
                break
            self.samples += 1
            try:
                classes = descriptions[0].get("classes") if descriptions else None
                chunk = expected.decode(key, members, path, classes)
            except DataError as err:
                yield problem_of(err, path, key)
                place = None
                continue
            if expected.layout == "chunk" and self._start is not None:
                if place is not None and key != key_text(place):
                    asked = f"this chunk's place in the set asks for key {key_text(place)}"
                    yield Problem(path, key, asked)
                place = int(key) + len(chunk) if key.isdecimal() else None
            if short:
                yield Problem(path, short, "a chunk within the shard that is not full")
            short = key if expected.chunk not in (None, len(chunk)) else ""
            names = (names or set()) | set(chunk.fields)
            if self.samples % IMAGES_PER_CHUNK == 0 or expected.layout == "chunk":
                yield from expected.odd_names(path, key, names)
                names = None
            texts = (k.encode("utf-8", "surrogatepass") for k in chunk.key_texts())
            self._keys.add(hash_rows(texts), 0, self._before + self.images)
            self.images += len(chunk)
            self.counts = add_counts(self.counts, np.bincount(chunk.label))
            self._tick(len(chunk))
        if names is not None:
            yield from expected.odd_names(path, "", names)
        for found in descriptions:
            for wrong in expected.described(found):
                yield Problem(path, DESCRIPTION, wrong)
            if found.get("set") != descriptions[0].get("set"):
                yield Problem(path, DESCRIPTION, "of another set than the archive before it")
        while self._file.read(1 << 20):
            pass
        return self.images

    def disagreements(self, entry: ShardEntry) -> Iterator[Problem]:
        """Where the archive, now read, is not what the index says of it."""
        found: dict[str, int | str] = {"filesize": self._file.size}
        if self._whole:  # else the counts differ for a reason that has been told
            found |= {"nsamples": self.samples, "images": self.images}
        if self._file.size == entry.filesize:
            found["sha256"] = self._file.digest.hexdigest()
        for name, value in found.items():
            said = getattr(entry, name)
            if value != said:
                yield Problem(self.path, "", f"{name} {value}; the index says {said}")


def add_counts(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sums of counts of two sets of classes, (most classes,) int64."""
    sums = np.zeros(max(len(a), len(b)), np.int64)
    sums[: len(a)] += a
    sums[: len(b)] += b
    return sums


def problem_of(err: DataError, path: str, sample: str = "") -> Problem:
    """The problem without the file's and the sample's name, which have columns of their own."""
    text = str(err).removeprefix(f"{path}: ").removeprefix(sample).lstrip(": .")
    return Problem(path, sample, text)
