"""A folder with a folder of image files per class."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from advlib.errors import DataError
from advlib.shards import pictures
from advlib.shards.chunk import Chunk, object_array, shape_text
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.image_size import images_at_once
from advlib.shards.pictures import decode_picture
from advlib.shards.sources.source import FileForm, spans

SUFFIXES = tuple(sorted(f".{suffix}" for suffix in pictures.SUFFIXES))


@dataclass(frozen=True, eq=False)
class FolderSource:
    """Image files as a Source; made by open_folder.

    files: `class/name.png` of each image.
    label: (n,) int64.
    """

    path: Path
    class_names: tuple[str, ...]
    shape: tuple[int, ...]
    files: list[str]
    label: np.ndarray

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def count(self) -> int:
        return len(self.files)

    @cached_property
    def identity(self) -> dict:
        """A digest of names, sizes and times of all files: changed where any one is."""
        digest = hashlib.sha256()
        for file in self.files:
            status = (self.path / file).stat()
            digest.update(os.fsencode(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0"))
        return {
            "path": os.path.abspath(self.path),
            "count": self.count,
            "files": digest.hexdigest(),
        }

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        for begin, end in spans(start, self.count, images_at_once(self.shape, size)):
            image = np.empty((end - begin, *self.shape), np.uint8)
            for out, file in zip(image, self.files[begin:end], strict=True):
                pixels = _decode(self.path / file)
                if pixels.shape != self.shape:
                    raise DataError(
                        f"{self.path / file}: {shape_text(pixels.shape)}, but {self.files[0]} is "
                        f"{shape_text(self.shape)}; expected images of one shape"
                    )
                out[:] = pixels
            yield Chunk(
                image,
                self.label[begin:end].copy(),
                np.arange(begin, end),
                {"file": object_array(self.files[begin:end])},
            )


def open_folder(path: Path, class_names: Sequence[str] | None = None) -> FolderSource:
    """The images of the folders in `path`: classes in order of name, then files in order of name.

    class_names: what labels 0, 1, ... are called, where not all classes have a folder or their
        order is another; else labels follow the names of the folders.

    Files that do not end as SUFFIXES, and hidden files and folders, are passed over.  Pictures
    are decoded as `decode_picture` does; grey levels go into each channel.  Field `file` of the
    chunks is class and file name.

    Raises DataError where there are no classes, a folder is none of `class_names`, a class is
    without images, what is named as an image is no file, or, in `chunks`, a picture is refused by
    `decode_picture` or has another shape than the first.
    """
    classes = sorted(e.name for e in os.scandir(path) if e.is_dir() and e.name[0] != ".")
    if not classes:
        raise DataError(f"{path}: no folders in it; expected a folder of images per class")
    names = tuple(class_names or classes)
    files: list[str] = []
    label: list[int] = []
    for name in classes:
        if name not in names:
            raise DataError(f"{path / name}: not one of the classes {', '.join(names)}")
        with os.scandir(path / name) as entries:
            found = sorted(entry.name for entry in entries if _is_image(entry))
        if not found:
            raise DataError(f"{path / name}: no images; expected files in {' '.join(SUFFIXES)}")
        files += [f"{name}/{file}" for file in found]
        for file in (name, *found):
            _require_text(file, path / name)
        label += [names.index(name)] * len(found)
    shape = _decode(path / files[0]).shape
    return FolderSource(path, names, shape, files, np.array(label, np.int64))


def _is_image(entry: os.DirEntry) -> bool:
    """Whether a name in a folder is an image's; DataError where no file is behind it."""
    if entry.name[0] == "." or not entry.name.lower().endswith(SUFFIXES):
        return False
    if not entry.is_file():
        raise DataError(f"{entry.path}: no regular file (or a broken link); expected an image")
    return True


def _require_text(name: str, folder: Path) -> None:
    """DataError for the name of a file that is no text, and so cannot be a field's value."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{folder}: {name!r}: the name is not UTF-8 text") from None


def _decode(path: Path) -> np.ndarray:
    """The picture (height, width, 3) uint8 of a file."""
    pixels = decode_picture(path.read_bytes(), str(path))
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


FORM = FileForm(
    expected="a folder with a folder of images per class",
    matches=Path.is_dir,
    open=lambda path, split, class_names: open_folder(path, class_names),
)
