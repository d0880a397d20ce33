"""Sources: data sets in the forms in which people have them, read as Chunks in one fixed order.

A new data set costs a module here and a line in NAMED, a new form of files a module and a line in
FORMS.  Each module checks what it reads.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from advlib.errors import DataError
from advlib.file_kinds import path_kind
from advlib.shards.sources import cifar, digits, edm, folder, hdf5, idx, mnist, npz, svhn
from advlib.shards.sources.source import Source

NAMED = {
    data_set.name: data_set
    for data_set in (
        cifar.CIFAR10,
        cifar.CIFAR100,
        svhn.SVHN,
        digits.DIGITS,
        mnist.FASHION_MNIST,
        mnist.MNIST,
    )
}
FORMS = (  # the first that matches a path is taken
    npz.FORM,
    hdf5.FORM,
    idx.FORM,
    edm.FORM,
    folder.FORM,
)
EXPECTED = (
    f"one of {', '.join(NAMED)}, or the path of {', '.join(form.expected for form in FORMS[:-1])}"
    f" or {FORMS[-1].expected}"
)


def open_source(
    spec: str,
    split: str | None = None,
    root: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Source:
    """The data set that `spec` names: a known name (a key of NAMED), else a path.

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
    if spec in NAMED:
        if root is not None and not NAMED[spec].in_files:
            raise DataError(f"{spec}: comes with the package, not from the root folder {root}")
        return NAMED[spec].open(split or "train", _cache() if root is None else Path(root))
    if root is not None:
        raise DataError(f"{spec}: a root folder goes with {', '.join(NAMED)} alone")
    path = Path(spec)
    form = next((form for form in FORMS if form.matches(path)), None)
    if form is None:
        found = "not a data set that can be read" if path.exists() else "no such file or data set"
        if path.is_file():
            found = path_kind(path) or found
        raise DataError(f"{spec}: {found}; expected {EXPECTED}")
    if split is not None and not form.has_splits:
        raise DataError(
            f"{spec}: no split {split!r}; only {', '.join(NAMED)} and idx files have splits"
        )
    return form.open(path, split or "train", class_names)


def _cache() -> Path:
    """The folder for named data sets where no other is named."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "advtools"
