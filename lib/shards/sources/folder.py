"""A folder with a folder of image files per class."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advlib.errors import DataError
from advlib.shards.sources.image_files import (
    SUFFIXES,
    Folder,
    ImageFiles,
    is_image_name,
    require_one_each,
    require_text,
)
from advlib.shards.sources.source import FileForm


def open_folder(path: Path, class_names: Sequence[str] | None = None) -> ImageFiles:
    """The images of the folders in `path`: classes in order of name, then files in order of name.

    class_names: what labels 0, 1, ... are called, where not all classes have a folder or their
        order is another; else labels follow the names of the folders.

    Files that do not end as SUFFIXES, and hidden files and folders, are passed over.  Field `file`
    of the chunks is class and file name.

    Raises DataError where there are no classes, a folder is none of `class_names`, all are called
    by numbers and `class_names` does not say which label each is, a class is without images, what
    is named as an image is no file, two files differ by their suffix alone, or as ImageFiles does.
    """
    classes = sorted(e.name for e in os.scandir(path) if e.is_dir() and e.name[0] != ".")
    if not classes:
        raise DataError(f"{path}: no folders in it; expected a folder of images per class")
    if class_names is None and all(name.isdecimal() for name in classes):
        _ask_for_names(path, classes)
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
            require_text(file, path / name)
        label += [names.index(name)] * len(found)
    require_one_each(files, path)
    source = ImageFiles(Folder(path), names, files, np.array(label, np.int64))
    _ = source.shape  # the first picture is decoded, or refused, at once
    return source


def _ask_for_names(path: Path, classes: Sequence[str]) -> None:
    """DataError for folders that may be classes, in which order?, or mere parts of a set."""
    shown = ",".join(sorted(classes, key=lambda name: (int(name), name))[:10])
    more = ",..." if len(classes) > 10 else ""
    raise DataError(
        f"{path}: folders are called by numbers alone, as {classes[0]}, which may be classes or, as"
        " EDM's dataset_tool.py makes them, parts of a set whose dataset.json is not there;"
        f" expected --class-names {shown}{more} where they are classes"
    )


def _is_image(entry: os.DirEntry) -> bool:
    """Whether a name in a folder is an image's; DataError where no file is behind it."""
    if not is_image_name(entry.name):
        return False
    if not entry.is_file():
        raise DataError(f"{entry.path}: no regular file (or a broken link); expected an image")
    return True


FORM = FileForm(
    expected="a folder with a folder of images per class",
    matches=Path.is_dir,
    open=lambda path, split, class_names: open_folder(path, class_names),
)
