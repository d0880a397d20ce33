"""Writing one archive of images, into a pipe or a file: whole chunks, equal bytes, a checksum."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from advlib.errors import CannotError, DataError
from advlib.shards import layouts
from advlib.shards.chunk import IMAGES, Chunk, concatenate
from advlib.shards.stream import alike, field_shapes
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
        chunk: int = IMAGES,
        class_names: Sequence[str] | None = None,
        classes: int | None = None,
        history: Sequence[dict] = (),
    ):
        self.name = "<stdout>"
        self.layout, self.chunk = layout, chunk
        self.about = {
            "format": "advshards",
            "version": 1,
            "layout": layout,
            "classes": classes or (len(class_names) if class_names else None),
            "class_names": list(class_names) if class_names else None,
            "history": list(history),
        }
        self.images = 0  # written, or kept from a killed job
        self._file = file
        self._archive: Archive | None = None
        self._pending: list[Chunk] = []
        self._like: Chunk | None = None  # the first images: all others are to be like them

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback) -> None:
        if kind is None:
            self._emit(final=True)
            if self._archive is None:
                raise DataError("no images to write")
            self._archive.end()
            with failing(self.name):
                self._file.flush()

    def write(self, chunk: Chunk) -> None:
        """Append images; they are in the archive once enough for a chunk have come."""
        if not len(chunk):
            return
        layouts.checked(chunk, self.name)
        if self._like is None:
            layouts.check_fields(chunk.fields)
            self._like = chunk.take(slice(0, 0))
        like, classes = self._like, self.about["classes"]
        self._pending += alike(
            [chunk], self.name, like.image.shape[1:], field_shapes(like), classes
        )
        if sum(map(len, self._pending)) >= self.chunk:
            self._emit()

    def _emit(self, final: bool = False) -> None:
        """Write what makes whole chunks of what has come; all of it, if it is the last."""
        if not self._pending:
            return
        waiting = concatenate(self._pending)
        whole = len(waiting) if final else len(waiting) // self.chunk * self.chunk
        at = 0
        while at < whole:
            archive, room = self._room()
            part = waiting.take(slice(at, min(at + min(self.chunk, room), whole)))
            archive.write(part, self.images)
            self.images += len(part)
            at += len(part)
        self._pending = [waiting.take(slice(whole, None))] if whole < len(waiting) else []

    def _room(self) -> tuple["Archive", int]:
        """The archive that takes the next images, and how many at most."""
        if self._archive is None:
            self._archive = Archive(self._file, self.name, self.about)
        return self._archive, self.chunk


class Archive:
    """One tar archive being written, with its counts and checksum."""

    def __init__(self, file: BinaryIO, name: str, about: dict):
        self.file, self.name, self.layout = file, name, about["layout"]
        self.digest = hashlib.sha256()
        self.bytes = self.samples = self.images = 0
        self.counts = np.zeros(0, np.int64)
        self.shape: tuple[int, ...] = ()
        self.fields: list[str] = []
        text = json.dumps(about).encode()
        self._put(layouts.META, [text])

    def write(self, chunk: Chunk, first: int) -> None:
        """Append images; `first`, the number of the first of them in the set."""
        if self.layout == "chunk":
            members, samples = layouts.chunk_members(chunk, first), 1
        else:
            members, samples = layouts.sample_members(chunk), len(chunk)
        for name, buffers in members:
            self._put(name, buffers)
        self.samples += samples
        self.images += len(chunk)
        self.shape, self.fields = chunk.image.shape[1:], sorted(chunk.fields)
        counts = np.bincount(chunk.label, minlength=len(self.counts))
        counts[: len(self.counts)] += self.counts
        self.counts = counts

    def end(self) -> None:
        """Write the end mark."""
        self._write([END])

    def _put(self, name: str, buffers: list) -> None:
        size = sum(map(len, buffers))
        self._write([pack(name, size), *buffers, padding(size)])

    def _write(self, buffers: list) -> None:
        with failing(self.name):
            for buffer in buffers:
                self.file.write(buffer)
                self.digest.update(buffer)
                self.bytes += len(buffer)


@contextlib.contextmanager
def failing(path: str) -> Iterator[None]:
    """Say which file could not be written."""
    try:
        yield
    except OSError as err:
        raise CannotError(f"{err.filename or path}: {err.strerror}") from err
