"""EDM's data sets: image files in a folder or a zip archive, whose labels are in dataset.json.

dataset.json: {"labels": [["00000/img00000000.png", 6], ...]}, or null where there are none.  The
folders 00000, 00001, ... are parts of 1000 images each, and no classes.

Source: dataset_tool.py and training/dataset.py (ImageFolderDataset) of EDM, Karras et al. 2022, as
of StyleGAN 2 and 3.
"""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.shards.constants import MOST_CLASSES
from advlib.shards.sources.image_files import (
    Archive,
    Folder,
    ImageFiles,
    Place,
    broken_archive,
    is_image_name,
    require_one_each,
    require_text,
)
from advlib.shards.sources.source import FileForm

LABELS = "dataset.json"
EXPECTED = 'expected {"labels": [["NAME.png", CLASS], ...]}'


def open_edm(path: Path, class_names: Sequence[str] | None = None) -> ImageFiles:
    """The images of a folder or a zip archive with dataset.json, in order of name, as EDM reads
    them; hidden files and folders are passed over.

    class_names: what labels 0, 1, ... are called.

    Raises DataError for an archive that cannot be read or has no dataset.json; for one that is no
    such document, has no labels, none or two for an image, one for an image that is not there, or
    one that is no whole number from 0 on; or as ImageFiles does.
    """
    archived = path.is_file()
    place: Place = Archive(path) if archived else Folder(path)
    names = _archived(path) if archived else _in_folder(path)
    files = sorted(
        name
        for name in names
        if all(map(_is_visible, PurePosixPath(name).parts)) and _is_image(name)
    )
    for name in files:
        require_text(name, path)
    if archived and LABELS not in names:
        raise DataError(f"{path}: a zip archive without {LABELS}; unpack it, or give EDM's")
    where = f"{path / LABELS}"
    with place.reading() as read:
        labels = _labels(read(LABELS), where)
    if not files:
        raise DataError(f"{path}: no images; expected those of {LABELS}")
    require_one_each(files, path)
    for name in files:
        if name not in labels:
            raise DataError(f"{where}: no label for {name}")
    if len(labels) > len(files):
        present = set(files)
        missing = next(name for name in labels if name not in present)
        raise DataError(f"{where}: labels {missing}; no such image is there")
    label = np.array([labels[name] for name in files], np.int64)
    if class_names is not None and label.max() >= len(class_names):
        raise DataError(f"{where}: label {label.max()}; expected one of {len(class_names)} names")
    names_of_classes = None if class_names is None else tuple(class_names)
    source = ImageFiles(place, names_of_classes, files, label)
    _ = source.shape  # the first picture is decoded, or refused, at once
    return source


def _is_visible(part: str) -> bool:
    """Whether a part of a path is of no hidden file or folder."""
    return part[0] != "."


def _is_image(name: str) -> bool:
    """Whether a path is an image's, by its last part."""
    return is_image_name(PurePosixPath(name).name)


def _in_folder(path: Path) -> list[str]:
    return [
        (Path(folder) / name).relative_to(path).as_posix()
        for folder, _, found in os.walk(path)
        for name in found
    ]


def _archived(path: Path) -> list[str]:
    """Names of an archive's files; DataError for one that comes twice."""
    with broken_archive(path), zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: {twice} comes twice; expected it once")
    return names


def _labels(data: bytes, where: str) -> dict[str, int]:
    """The label of each image by its name."""
    try:
        document = parse_json(data)
    except ValueError as err:
        raise DataError(f"{where}: not JSON: {err}; {EXPECTED}") from None
    pairs = document.get("labels") if isinstance(document, dict) else document
    if isinstance(document, dict) and pairs is None:
        raise DataError(
            f"{where}: no labels, so that the images' classes are not known; {EXPECTED}"
        )
    if not isinstance(pairs, list):
        raise DataError(f"{where}: found {type(pairs).__name__}; {EXPECTED}")
    labels: dict[str, int] = {}
    for pair in pairs:
        name, label = _pair(pair, where)
        if name in labels:
            raise DataError(f"{where}: {name} comes twice; expected one label of each image")
        labels[name] = label
    return labels


def _pair(pair: Any, where: str) -> tuple[str, int]:
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
        raise DataError(f"{where}: labels: found {pair!r:.60}; {EXPECTED}")
    name, label = pair
    if type(label) is not int or not 0 <= label < MOST_CLASSES:
        raise DataError(
            f"{where}: label of {name}: found {label!r:.40}; expected a whole number from 0 to"
            f" {MOST_CLASSES - 1}"
        )
    return name, label


def _matches(path: Path) -> bool:
    if path.is_dir():
        return (path / LABELS).is_file()
    return path.suffix.lower() == ".zip" and path.is_file()


FORM = FileForm(
    expected=f"a folder or .zip file of EDM's with {LABELS}",
    matches=_matches,
    open=lambda path, split, class_names: open_edm(path, class_names),
)
