"""Image files of a folder or a zip archive as a Source, whatever says which class they are of."""

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from advlib.errors import DataError
from advlib.shards import pictures
from advlib.shards.chunk import Chunk, object_array, shape_text
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.image_size import images_at_once
from advlib.shards.pictures import decode_picture
from advlib.shards.sources.source import file_identity, spans

SUFFIXES = tuple(sorted(f".{suffix}" for suffix in pictures.SUFFIXES))
LARGEST = 1 << 28  # bytes of a file in an archive


class Place(Protocol):
    """Where image files lie."""

    @property
    def path(self) -> Path:
        """The folder or archive."""

    def identity(self, files: Sequence[str]) -> dict:
        """JSON values that change where any of the files does."""

    def reading(self) -> contextlib.AbstractContextManager[Callable[[str], bytes]]:
        """A context that gives what reads a file by its name."""


@dataclass(frozen=True)
class Folder:
    """Files in a folder and those within it, by their paths in it."""

    path: Path

    def identity(self, files: Sequence[str]) -> dict:
        digest = hashlib.sha256()
        for file in files:
            status = (self.path / file).stat()
            digest.update(os.fsencode(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0"))
        return {
            "path": os.path.abspath(self.path),
            "count": len(files),
            "files": digest.hexdigest(),
        }

    def reading(self) -> contextlib.AbstractContextManager[Callable[[str], bytes]]:
        return contextlib.nullcontext(lambda name: (self.path / name).read_bytes())


@dataclass(frozen=True)
class Archive:
    """Files in a zip archive, by their names in it."""

    path: Path

    def identity(self, files: Sequence[str]) -> dict:
        return file_identity(self.path) | {"count": len(files)}

    @contextlib.contextmanager
    def reading(self) -> Iterator[Callable[[str], bytes]]:
        with broken_archive(self.path), zipfile.ZipFile(self.path) as archive:

            def read(name: str) -> bytes:
                info = archive.getinfo(name)
                if info.file_size > LARGEST:
                    raise DataError(
                        f"{self.path}: {name}: {info.file_size} bytes; expected {LARGEST} or fewer"
                    )
                with broken_archive(self.path, f": {name}"):
                    return archive.read(info)

            yield read


@contextlib.contextmanager
def broken_archive(path: Path, name: str = "") -> Iterator[None]:
    """DataError for what Python says of a zip archive that cannot be read."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as err:
        raise DataError(f"{path}{name}: no zip archive that can be read: {err}") from None


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files as a Source.

    files: their names in the place, in order.  label: (n,) int64.
    Field `file` of the chunks is the name.  Pictures are decoded as `decode_picture` does; grey
    levels go into each channel.  Raises DataError, in `chunks`, for a picture that `decode_picture`
    refuses, or of another shape than the first.
    """

    place: Place
    class_names: tuple[str, ...] | None
    files: list[str]
    label: np.ndarray

    @property
    def name(self) -> str:
        return str(self.place.path)

    @property
    def count(self) -> int:
        return len(self.files)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        with self.place.reading() as read:
            return self._decode(read, self.files[0]).shape

    @cached_property
    def identity(self) -> dict:
        labels = hashlib.sha256(np.ascontiguousarray(self.label).data).hexdigest()
        return self.place.identity(self.files) | {"labels": labels}

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        with self.place.reading() as read:
            for begin, end in spans(start, self.count, images_at_once(self.shape, size)):
                image = np.empty((end - begin, *self.shape), np.uint8)
                for out, file in zip(image, self.files[begin:end], strict=True):
                    out[:] = self._decode_like_first(read, file)
                yield Chunk(
                    image,
                    self.label[begin:end].copy(),
                    np.arange(begin, end),
                    {"file": object_array(self.files[begin:end])},
                )

    def _decode_like_first(self, read: Callable[[str], bytes], file: str) -> np.ndarray:
        pixels = self._decode(read, file)
        if pixels.shape != self.shape:
            raise DataError(
                f"{self.place.path / file}: {shape_text(pixels.shape)}, but {self.files[0]} is "
                f"{shape_text(self.shape)}; expected images of one shape"
            )
        return pixels

    def _decode(self, read: Callable[[str], bytes], file: str) -> np.ndarray:
        """The picture (height, width, 3) uint8 of a file."""
        pixels = decode_picture(read(file), str(self.place.path / file))
        return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def is_image_name(name: str) -> bool:
    """Whether a file is taken for an image by its name, which is not hidden."""
    return name[0] != "." and name.lower().endswith(SUFFIXES)


def require_text(name: str, folder: Path) -> None:
    """DataError for the name of a file that is no text, and so cannot be a field's value."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{folder}: {name!r}: the name is not UTF-8 text") from None


def require_one_each(files: Sequence[str], path: Path) -> None:
    """DataError for two files, in order of name, that differ by their suffix alone.

    As a.jpg beside a.png they are one image twice, or one of them is a leftover.
    """
    known: dict[PurePosixPath, str] = {}
    for file in files:
        first = known.setdefault(PurePosixPath(file).with_suffix(""), file)
        if first != file:
            raise DataError(
                f"{path / file}: stands beside {PurePosixPath(first).name}; expected one file of"
                " each name"
            )
