"""Images that a revised benchmark leaves out: keys one a line, or a table of valid images."""

import io
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from advlib.conditions import parse_comparison
from advlib.csv_cells import TRUTHS
from advlib.errors import DataError
from advlib.shards.chunk import take_images
from advlib.shards.key_table import KeyTable, read_keys, unpadded
from advlib.shards.reader import ShardSet

INVALID = parse_comparison("valid=false")


class Exclusion:
    """Keys of images, and their labels where a table says them.

    table: the keys; `table.remark` says which of them no image had.
    """

    def __init__(self, table: KeyTable):
        """From a list of keys, or the rows of a table that are left out."""
        self.table = table
        self._label = table.columns.index("label") if "label" in table.columns else None

    def mask(
        self, keys: Sequence[str], labels: np.ndarray, class_names: Sequence[str] | None
    ) -> np.ndarray:
        """Which images are left out, (n,) bool.

        keys: n texts.  labels: (n,) classes.  class_names: of the set, None where it has none.
        Raises DataError where the table gives an image another label: it is of another set.
        """
        rows = self.table.rows
        found = np.zeros(len(keys), bool)
        for i, key in enumerate(map(unpadded, keys)):
            row = rows.get(key)
            if row is None:
                continue
            found[i] = True
            self.table.met.add(key)
            said = row[self._label] if self._label is not None else ""
            number = int(labels[i])
            known = class_names[number] if class_names else str(number)
            if said and class_names and said not in (known, str(number)):
                raise DataError(
                    f"{self.table.name}: image {keys[i]!r:.40} has the label {said!r:.40}, in the"
                    f" set {known!r}; is it of another set?"
                )
        return found

    def mask_of_set(self, source: ShardSet, count: int) -> np.ndarray:
        """Which of the first `count` images of a set are left out, (count,) bool.

        Raises DataError as `mask`, and where none of them stays.
        """
        parts = [
            self.mask(chunk.key_texts(), chunk.label, source.class_names)
            for chunk in take_images(source.chunks(), count)
        ]
        found = np.concatenate(parts)
        if found.all():
            raise DataError(f"{self.table.name}: leaves no image of {source.name}")
        return found


def read_exclusion(file: BinaryIO, name: str) -> Exclusion:
    """The images that a file leaves out: the rows with valid false of a table that has a column
    valid, as advvalid(5); otherwise all keys in it.

    Raises DataError for what is no list and no table of keys, and for another value of valid than
    true and false.
    """
    data = file.read()
    table = read_keys(io.BytesIO(data), name)
    if "valid" in table.columns:
        at = table.columns.index("valid")
        for key, row in table.rows.items():
            if row[at].strip().lower() not in TRUTHS:
                raise DataError(
                    f"{name}: image {key!r:.40}: column 'valid': found {row[at]!r:.40}; expected"
                    " true or false"
                )
        table = read_keys(io.BytesIO(data), name, [INVALID])
    return Exclusion(table)
