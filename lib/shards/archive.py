"""Writing one archive of images, into a pipe or a file: whole chunks, equal bytes, a checksum."""

import hashlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from advlib.errors import DataError
from advlib.jobs.files import cannot_write
from advlib.shards.chunk import Chunk, concatenate
from advlib.shards.chunk_layout import encode_chunk
from advlib.shards.constants import DESCRIPTION, FORMAT, IMAGES_PER_CHUNK, VERSION
from advlib.shards.form import Form, field_shapes, require_same_form, require_valid
from advlib.shards.members import Buffers, check_field_names, encode_json
from advlib.shards.sample_layout import encode_samples
from advlib.shards.tar import END, pack, padding


class StreamWriter:
    """Images as one archive into a pipe: `write` chunks within the context.

    file: binary, need not seek.  layout: "chunk" or "sample".  chunk: images of a chunk.
    class_names, classes: as far as known.  history: command lines, the newest last.
    An error within the context leaves the archive without its end, which every reader notices.

    Raises DataError for chunks that do not go together, CannotError where writing fails.
    """

    def __init__(
        self,
        file: BinaryIO | None,
        layout: str = "chunk",
        *,
        chunk: int = IMAGES_PER_CHUNK,
        class_names: Sequence[str] | None = None,
        classes: int | None = None,
        history: Sequence[dict] = (),
    ):
        self.name = "<stdout>"
        self.layout, self.chunk = layout, chunk
        self.classes = classes or (len(class_names) if class_names else None)
        self.class_names = list(class_names) if class_names else None
        self.history = list(history)
        self.images = 0  # written, or kept from a killed job
        self.first = 0  # number of the first of them in their set
        self.set_id: str | None = None  # an archive in a pipe may become part of any set
        self._file = file
        self._archive: Archive | None = None
        self._pending: list[Chunk] = []
        self._form: Form | None = None  # of the first images, which all others are to have
        encode_json(self.description)  # refused before a file is opened
        if self.class_names and len(self.class_names) != self.classes:
            raise DataError(f"{len(self.class_names)} class names for {self.classes} classes")

    @property
    def description(self) -> dict[str, Any]:
        """What an archive of the set says of it, in its first member."""
        return {
            "format": FORMAT,
            "version": VERSION,
            **({"set": self.set_id} if self.set_id else {}),
            "layout": self.layout,
            "classes": self.classes,
            "class_names": self.class_names,
            "history": self.history,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._emit(final=True)
            if self._archive is None:
                raise DataError("no images to write")
            self._archive.end()
            with cannot_write(self.name):
                self._archive.file.flush()

    def write(self, chunk: Chunk) -> None:
        """Append images; they are in the archive once enough for a chunk have come."""
        if not len(chunk):
            return
        require_valid(chunk, self.name)
        if self._form is None:
            check_field_names(chunk.fields)
            self._form = Form(chunk.image.shape[1:], field_shapes(chunk), self.classes)
        self._pending += require_same_form([chunk], self._form, self.name)
        if sum(map(len, self._pending)) >= self.chunk:
            self._emit()

    def _emit(self, final: bool = False) -> None:
        """Write what makes whole chunks of what has come; all of it, if it is the last."""
        if not self._pending:
            return
        waiting = concatenate(self._pending)
        if not self.images:
            self._begin(waiting)
        whole = len(waiting) if final else len(waiting) // self.chunk * self.chunk
        at = 0
        while at < whole:
            archive, room = self._room()
            part = waiting.take(slice(at, min(at + min(self.chunk, room), whole)))
            archive.write(part, self.first + self.images)
            self.images += len(part)
            at += len(part)
        self._pending = [waiting.take(slice(whole, None))] if whole < len(waiting) else []

    def _begin(self, images: Chunk) -> None:
        """The first images have come, as many as a chunk holds or all there are."""

    def _room(self) -> tuple["Archive", int]:
        """The archive that takes the next images, and how many at most."""
        if self._archive is None:
            assert self._file is not None, "a writer without a file makes archives of its own"
            self._archive = Archive(self._file, self.name, self.description)
        return self._archive, self.chunk


class Archive:
    """One tar archive being written, with its counts and checksum.

    file: binary, need not seek.  description: its first member, which says the layout.
    Raises CannotError where writing fails.
    """

    def __init__(self, file: BinaryIO, name: str, description: dict[str, Any]):
        self.file, self.name, self.layout = file, name, description["layout"]
        self.digest = hashlib.sha256()
        self.bytes = self.samples = self.images = 0
        self.counts = np.zeros(0, np.int64)
        self.shape: tuple[int, ...] = ()
        self.fields: list[str] = []
        self._keys: set[str] = set()  # of the samples, ten thousand in a shard
        self._put(DESCRIPTION, [encode_json(description, separators=None)])

    def write(self, chunk: Chunk, first: int) -> None:
        """Append images; `first`, the number of the first of them in the set."""
        if self.layout == "chunk":
            members, samples = encode_chunk(chunk, first), 1
        else:
            self._refuse_doubles(chunk.key_texts())
            members, samples = encode_samples(chunk), len(chunk)
        for name, buffers in members:
            self._put(name, buffers)
        self.samples += samples
        self.images += len(chunk)
        self.shape, self.fields = chunk.image.shape[1:], sorted(chunk.fields)
        counts = np.bincount(chunk.label, minlength=len(self.counts))
        counts[: len(self.counts)] += self.counts
        self.counts = counts

    def _refuse_doubles(self, keys: list[str]) -> None:
        """DataError for a key that comes again: it is the name of a sample's files."""
        for key in keys:
            if key in self._keys:
                raise DataError(
                    f"two images have the key {key!r}, which names files in the sample layout;"
                    " advpack --renumber numbers them anew, --layout chunk keeps them"
                )
            self._keys.add(key)

    def end(self) -> None:
        """Write the end mark."""
        self._write([END])

    def _put(self, name: str, buffers: Buffers) -> None:
        size = sum(map(len, buffers))
        self._write([pack(name, size), *buffers, padding(size)])

    def _write(self, buffers: Buffers) -> None:
        with cannot_write(self.name):
            for buffer in buffers:
                self.file.write(buffer)
                self.digest.update(buffer)
                self.bytes += len(buffer)
