"""A shard set in files: in order from any image on, or any image by its number.

Random access maps the chunk that holds an image into memory; of a chunk's pages only those that
are touched are read.  A set knows its size from its index, or counts once.
"""

import hashlib
import math
import mmap
import os
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from advlib.errors import DataError
from advlib.jobs.files import file_sha256
from advlib.shards.chunk import Chunk, join_values, key_text, object_array
from advlib.shards.chunk_layout import decode_chunk
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.form import Form, require_same_form
from advlib.shards.member_positions import SamplePositions, count_images, find_samples
from advlib.shards.sample_layout import decode_samples
from advlib.shards.set_files import SetFiles, find_sets
from advlib.shards.set_header import of_another_set, read_header, require_one_form
from advlib.shards.stream import ShardStream, read_beginning

MAPS = 96  # chunks mapped at once: the window of a reading order, and the beginning of the next
KEPT = 1 << 31  # bytes of pictures that are kept decoded, about
SCANNED = 100_000  # samples of which it is remembered where they lie


class ShardSet:
    """Images in files; `len` counts them.

    Several sets may be read as one; number 0 is then the first image of the first.  A ShardSet may
    be pickled and forked, and opens files only while it reads them.

    layout: "chunk" or "sample", of the first file.  shape: (height, width, channels).
    fields: names of further fields.  classes: how many, None where nothing says it.
    class_names: of labels 0, 1, ..., or None.  history: the command lines that made the sets.
    skipped: fields of the first samples that are not carried along.
    gaps: shards that are not there between others, in sets without an index.
    """

    def __init__(self, sets: Sequence[SetFiles]):
        """Open sets, as `find_sets` gives them.

        Raises DataError where a file is no shard, disagrees with its index, or sets do not go
        together.
        """
        self.name = " ".join(s.name for s in sets)
        self.gaps = [s.gap for s in sets if s.gap]
        self.paths = [path for s in sets for path in s.paths]
        if len(set(self.paths)) < len(self.paths):
            raise DataError(f"{self.name}: a shard is named twice; expected each once")
        self._scans: OrderedDict[int, list[SamplePositions]] = OrderedDict()
        self._mapped: OrderedDict[int, Chunk] = OrderedDict()
        headers = [read_header(s) for s in sets]
        require_one_form(headers)
        first = headers[0].first
        self.layout, self.shape, self.fields = first.layout, first.shape, first.fields
        self.skipped = first.skipped
        known = [header.classes for header in headers if header.classes is not None]
        self.classes = max(known) if len(known) == len(headers) else None
        names = next(filter(None, (header.first.class_names for header in headers)), None)
        self.class_names = names if names and self.classes in (None, len(names)) else None
        self._form = Form(first.shape, first.field_shapes, self.classes)
        self.history = list({repr(e): e for header in headers for e in header.history}.values())
        self._entries = [entry for header in headers for entry in header.entries]
        self._set_ids = [header.set_id for header in headers for _ in header.entries]
        self._layouts = [header.first.layout for header in headers for _ in header.entries]
        chunk = [header.chunk for header in headers for _ in header.entries]
        self._sizes = [self._shard_sizes(i, size) for i, size in enumerate(chunk)]
        self._starts = np.cumsum([0, *(int(sizes.sum()) for sizes in self._sizes)])
        self._first_chunk = np.cumsum([0, *map(len, self._sizes)])
        self._bounds = np.cumsum([0, *self.chunk_sizes])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self)

    @property
    def chunk_sizes(self) -> np.ndarray:
        """Images of each chunk, (chunks,) int64; a thousand samples count as one."""
        return np.concatenate(self._sizes)

    @property
    def bytes(self) -> int:
        """The size of the shards."""
        return sum(map(os.path.getsize, self.paths))

    @property
    def digest(self) -> str:
        """A hash of the shards' checksums; shards that no index knows are read for theirs."""
        lines = [
            entry.sha256 if entry else file_sha256(path)
            for path, entry in zip(self.paths, self._entries, strict=True)
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def chunks(self, start: int = 0) -> Iterator[Chunk]:
        """The images from number `start` on, in order; chunks as stored, or of up to 1000 samples,
        fewer large ones.

        Raises DataError where a shard is damaged or holds another number of images than it should.
        """
        for i, path in enumerate(self.paths):
            skip = max(start - int(self._starts[i]), 0)
            expected = int(self._starts[i + 1] - self._starts[i])
            if skip >= expected:
                continue
            count = 0
            self._require_same_set(i)
            with open(path, "rb") as file:
                chunks = ShardStream(file, path).chunks()
                for chunk in require_same_form(chunks, self._form, path):
                    unwanted = max(skip - count, 0)
                    count += len(chunk)
                    if unwanted < len(chunk):
                        yield chunk.take(slice(unwanted, None)) if unwanted else chunk
            if count != expected:
                raise DataError(f"{path}: holds {count} images; its index says {expected}")

    def read(self, numbers: np.ndarray, fields: Collection[str] | None = None) -> Chunk:
        """The images with these numbers, (n,) integers in any order; `fields` of them, or all.

        Raises DataError where a shard is damaged, IndexError for a number out of range.
        """
        numbers = np.asarray(numbers, np.int64)
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"image numbers outside 0 to {len(self) - 1}")
        image = np.empty((len(numbers), *self.shape), np.uint8)
        label = np.empty(len(numbers), np.int64)
        names = self.fields if fields is None else tuple(fields)
        others: list[list[np.ndarray]] = [[] for _ in ("key", *names)]
        order = np.argsort(numbers, kind="stable")
        which = np.searchsorted(self._bounds, numbers[order], side="right") - 1
        for at in np.split(order, np.flatnonzero(np.diff(which)) + 1) if len(order) else ():
            c = int(np.searchsorted(self._bounds, numbers[at[0]], side="right")) - 1
            chunk, rows = self._rows(c, numbers[at] - self._bounds[c])
            image[at], label[at] = chunk.image[rows], chunk.label[rows]
            for part, values in zip(
                others, (chunk.key, *(chunk.fields[name] for name in names)), strict=True
            ):
                part.append(values[rows])
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        key, *rest = (
            join_values(part, key_text if i == 0 else None)[back] if part else np.empty(0, np.int64)
            for i, part in enumerate(others)
        )
        return Chunk(image, label, key, dict(zip(names, rest, strict=True)))

    def _rows(self, number: int, rows: np.ndarray) -> tuple[Chunk, np.ndarray]:
        """A chunk with the images `rows` of chunk `number`, and where in it they are.

        Of large pictures those alone are decoded, since so many chunks of them fill the memory.
        """
        shard = int(np.searchsorted(self._first_chunk, number, side="right")) - 1
        small = MAPS * IMAGES_PER_CHUNK * math.prod(self.shape) <= KEPT
        if small or self._layouts[shard] == "chunk":
            return self._chunk(number), rows
        chunk = self._map(shard, number - int(self._first_chunk[shard]), rows)
        for name, shape in self._form.fields.items():
            if not shape and name not in chunk.fields:  # in none of these images
                chunk.fields[name] = object_array([None] * len(rows))
        (chunk,) = require_same_form([chunk], self._form, self.paths[shard])
        return chunk, np.arange(len(rows))

    def _chunk(self, number: int) -> Chunk:
        """A chunk by its number, its arrays views of the mapped file where the layout allows."""
        chunk = self._mapped.get(number)
        if chunk is None:
            shard = int(np.searchsorted(self._first_chunk, number, side="right")) - 1
            inside = number - int(self._first_chunk[shard])
            chunk = self._map(shard, inside)
            if len(chunk) != self._sizes[shard][inside]:
                raise DataError(
                    f"{self.paths[shard]}: {len(chunk)} images in chunk {inside}; expected"
                    f" {self._sizes[shard][inside]}"
                )
            (chunk,) = require_same_form([chunk], self._form, self.paths[shard])
            self._mapped[number] = chunk
        self._mapped.move_to_end(number)
        while len(self._mapped) > MAPS:
            self._mapped.popitem(last=False)
        return chunk

    def _map(self, shard: int, inside: int, rows: np.ndarray | None = None) -> Chunk:
        """Chunk number `inside` of a shard, or so many samples, mapped into memory.

        rows: of the samples, those wanted; all for None.
        """
        path = self.paths[shard]
        chunked = self._layouts[shard] == "chunk"
        per = 1 if chunked else IMAGES_PER_CHUNK
        found = self._scan(shard)[inside * per : (inside + 1) * per]
        if rows is not None:
            found = [found[row] for row in rows if row < len(found)]
        spans = [span for sample in found for span in sample.members.values()]
        if not spans:
            raise DataError(f"{path}: no chunk {inside}; does its index belong to it?")
        begin = min(offset for offset, _ in spans)
        begin -= begin % mmap.ALLOCATIONGRANULARITY
        end = max(offset + size for offset, size in spans)
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < end:
                raise DataError(f"{path}: ends before byte {end}; was it cut short?")
            mapped = mmap.mmap(file.fileno(), end - begin, offset=begin, access=mmap.ACCESS_READ)
        if rows is None and hasattr(mmap, "MADV_WILLNEED"):
            mapped.madvise(mmap.MADV_WILLNEED)  # one long read, where a page at a time would crawl
        memory = np.frombuffer(mapped, np.uint8)
        samples = [
            (s.key, {f: memory[o - begin : o - begin + n] for f, (o, n) in s.members.items()})
            for s in found
        ]
        if chunked:
            key, members = samples[0]
            return decode_chunk(members, f"{path}: {key}")
        return decode_samples(samples, path)

    def _scan(self, shard: int) -> list[SamplePositions]:
        """Where the members of a shard lie."""
        found = self._scans.get(shard)
        if found is None:
            self._require_same_set(shard)
            found = self._scans[shard] = find_samples(self.paths[shard])
        self._scans.move_to_end(shard)
        while len(self._scans) > 1 and sum(map(len, self._scans.values())) > SCANNED:
            self._scans.popitem(last=False)
        return found

    def _shard_sizes(self, shard: int, chunk: int) -> np.ndarray:
        """Images of each chunk of a shard: from the index, or counted."""
        entry = self._entries[shard]
        if entry:
            return _evenly(entry.images, chunk)
        found = self._scan(shard)
        if self._layouts[shard] == "sample":
            return _evenly(len(found), IMAGES_PER_CHUNK)
        path = self.paths[shard]
        with open(path, "rb") as file:
            return np.array([count_images(file, path, sample) for sample in found], np.int64)

    def _require_same_set(self, shard: int) -> None:
        """DataError for a shard that was replaced by another set's since this one was opened."""
        path = self.paths[shard]
        if read_beginning(path)[0] != self._set_ids[shard]:
            raise DataError(f"{path}: {of_another_set('when it was opened')}")

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_mapped": OrderedDict(), "_scans": OrderedDict()}


def open_set(specs: str | Sequence[str]) -> ShardSet:
    """The set or sets that names on a command line mean, read as one.

    specs: names of sets, of .tar files or of folders, brace notation included; or one of them.
    Raises DataError for what `find_sets` and `ShardSet` refuse, and for a folder of several sets.
    """
    specs = [specs] if isinstance(specs, str) else specs
    for spec in specs:
        inside = find_sets([spec])
        if len(inside) > 1 and os.path.isdir(spec):
            names = ", ".join(os.path.basename(s.name) for s in inside)
            raise DataError(f"{spec}: holds several sets ({names}); name one of them")
    return ShardSet(find_sets(specs))


def _evenly(images: int, chunk: int) -> np.ndarray:
    """Images of each chunk, (chunks,), where all chunks but the last are full."""
    full, rest = divmod(images, chunk)
    return np.array([chunk] * full + [rest] * (rest > 0), np.int64)
