"""Images that a revised benchmark leaves out: keys one a line, or a table of valid images."""

import io
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from advlib.conditions import parse_comparison
from advlib.errors import DataError
from advlib.shards.key_table import KeyTable, read_keys, unpadded

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


def read_exclusion(file: BinaryIO, name: str) -> Exclusion:
    """The images that a file leaves out: the rows with valid false of a table that has a column
    valid, as advvalid(5); otherwise all keys in it.

    Raises DataError for what is no list and no table of keys.
    """
    data = file.read()
    table = read_keys(io.BytesIO(data), name)
    if "valid" in table.columns:
        table = read_keys(io.BytesIO(data), name, [INVALID])
    return Exclusion(table)
