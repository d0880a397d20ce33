"""Sources: data sets in the forms in which people have them, read as Chunks in one fixed order.

`open_source` knows them all; a module here per form, and each checks what it reads.
"""

from collections.abc import Sequence
from pathlib import Path

from advlib.errors import DataError
from advlib.shards.sources import folder, hdf5, idx, named, npz
from advlib.shards.sources.names import CLASSES
from advlib.shards.sources.source import Source

EXPECTED = (
    f"one of {', '.join(CLASSES)}, or the path of an .npz, .h5 or .hdf5 file, of a folder with a "
    "folder of images per class, or of a folder of idx files"
)
SUFFIXES = {".npz": npz.open_npz, ".h5": hdf5.open_hdf5, ".hdf5": hdf5.open_hdf5}


def open_source(
    spec: str,
    split: str | None = None,
    root: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Source:
    """The data set that `spec` names: a known name (a key of CLASSES), else a path.

    A known name wins over a file of that name, which is `./digits`.

    split: `train` where None, `test`, `validation` (the first images of training), `train-rest`
        (training without those), for svhn also `extra`; of known names and idx files alone.
    root: the folder in which a known data set is kept and into which it is downloaded; where None,
        `advtools` in the user's cache folder.
    class_names: of labels 0, 1, ... for a folder of images per class; else in order of name.

    Raises DataError where the spec, the split or the data is wrong, CannotError where a data set
    can be neither found nor downloaded or a package is missing, OSError where a file cannot be
    read.
    """
    if spec in CLASSES:
        return named.open_named(spec, "train" if split is None else split, root)
    if root is not None:
        raise DataError(f"{spec}: a root folder goes with {', '.join(CLASSES)} alone")
    path = Path(spec)
    if path.is_dir() and idx.holds_idx(path):
        return idx.open_idx(path, "train" if split is None else split, spec)
    if not path.is_dir() and not (path.exists() and path.suffix.lower() in SUFFIXES):
        found = "not a data set that can be read" if path.exists() else "no such file or data set"
        raise DataError(f"{spec}: {found}; expected {EXPECTED}")
    if split is not None:
        raise DataError(
            f"{spec}: no split {split!r}; only {', '.join(CLASSES)} and idx files have splits"
        )
    if path.is_dir():
        return folder.open_folder(path, class_names)
    return SUFFIXES[path.suffix.lower()](path)
