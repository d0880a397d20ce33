"""Validity tables, advvalid(5): which attacked images are still what their label says.

image  label  prediction  valid  category  agree  judges  confident  consensus
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from advlib.csv_cells import TRUTHS, read_lines, require_width
from advlib.errors import DataError
from advlib.humans.panel import Panel
from advlib.humans.rules import CATEGORIES, categories, valid_images
from advlib.humans.settings import Rule
from advlib.numbers import wilson
from advlib.shards.key_table import unpadded

COLUMNS = (
    *("image", "label", "prediction", "valid", "category"),
    *("agree", "judges", "confident", "consensus"),
)
OVERLAP_COLUMNS = (
    *("first", "second", "images", "invalid_first", "invalid_second", "invalid_both"),
    *("invalid_either", "overlap", "overlap_low", "overlap_high"),
)
EXPECTED = "a validity table as CSV, advvalid(5)"


def rows(panel: Panel, rule: Rule) -> Iterator[dict]:
    """A row, by COLUMNS, for each image.

    agree: judges who gave the label.  judges: those who answered.  confident: people who gave the
    label with higher confidence.  consensus: the class of most answers, "" where two share that.
    """
    valid = valid_images(rule, panel)
    kinds = categories(panel, valid)
    agrees, votes = panel.agrees, panel.votes()
    sure = (agrees & panel.higher)[:, panel.people].sum(1)
    names = (*panel.classes, "")  # the last one for NONE
    for i in range(len(panel)):
        most = np.flatnonzero(votes[i] >= votes[i].max() - 1e-9)
        values = (
            *(panel.images[i], names[panel.label[i]], names[panel.prediction[i]]),
            *(bool(valid[i]), str(kinds[i]), int(agrees[i].sum())),
            *(int(panel.answered[i].sum()), int(sure[i])),
            names[most[0]] if len(most) == 1 else "",
        )
        yield dict(zip(COLUMNS, values, strict=True))


def summary(panel: Panel, rule: Rule) -> str:
    """How many images are what, in words."""
    kinds = categories(panel, valid_images(rule, panel)).tolist()
    valid, deceptive, ambiguous = (kinds.count(kind) for kind in CATEGORIES)
    invalid = len(panel) - valid
    return (
        f"{len(panel)} images: {valid} valid, {invalid} invalid ({invalid / len(panel):.2%}):"
        f" {deceptive} deceptive, {ambiguous} ambiguous"
    )


@dataclass(frozen=True)
class Validity:
    """name: of the file.  valid: by key, zeros before a number left out.  label, category: by key,
    "" where the table does not say it.
    """

    name: str
    valid: dict[str, bool]
    label: dict[str, str]
    category: dict[str, str]

    @property
    def invalid(self) -> set[str]:
        """Keys of the invalid images."""
        return {key for key, valid in self.valid.items() if not valid}


def read_validity(file: BinaryIO, name: str) -> Validity:
    """A table with the columns image and valid, and perhaps label and category.

    Raises DataError naming file and line for whatever is wrong, an image twice included.
    """
    lines = read_lines(file, name, EXPECTED)
    head = [cell.strip() for cell in lines[0][1]]
    for column in ("image", "valid"):
        if head.count(column) != 1:
            have = ", ".join(head[:12])
            raise DataError(
                f"{name}:1: no column {column!r} among {have:.300}; expected {EXPECTED}"
            )
    require_width(lines[1:], len(head), name)
    found = Validity(name, {}, {}, {})
    for line, cells in lines[1:]:
        row = dict(zip(head, map(str.strip, cells), strict=True))
        key, valid = unpadded(row["image"]), row["valid"].lower()
        category = row.get("category", "")
        if valid not in TRUTHS:
            raise DataError(
                f"{name}:{line}: column 'valid': found {row['valid']!r:.40}; expected true or false"
            )
        if category and (category not in CATEGORIES or (category == "valid") != (valid == "true")):
            raise DataError(
                f"{name}:{line}: column 'category': found {category!r:.40} where valid is {valid};"
                " expected valid, or else deceptive or ambiguous"
            )
        if key in found.valid:
            raise DataError(f"{name}:{line}: image {row['image']!r:.40} comes again; expected once")
        found.valid[key] = valid == "true"
        found.label[key], found.category[key] = row.get("label", ""), category
    if not found.valid:
        raise DataError(f"{name}: a header but no images")
    return found


def validity_of(name: str, panel: Panel, rule: Rule) -> Validity:
    """What a rule says of a panel, whose table is called `name`."""
    found = Validity(name, {}, {}, {})
    valid = valid_images(rule, panel)
    kinds = categories(panel, valid)
    for i, key in enumerate(map(unpadded, panel.images)):
        found.valid[key], found.category[key] = bool(valid[i]), str(kinds[i])
        found.label[key] = panel.classes[panel.label[i]]
    return found


def overlap_rows(tables: Sequence[Validity]) -> Iterator[dict]:
    """Rows by OVERLAP_COLUMNS: each network's images and the invalid among them, then for every two
    networks, of the images that both were judged on, how many are invalid for each and for both.

    overlap: the share invalid for both among those invalid for either, with Wilson's interval.
    Raises DataError where tables give an image different labels.
    """
    for table in tables:
        count = len(table.invalid)
        known = {"first": table.name, "images": len(table.valid), "invalid_first": count}
        yield {column: known.get(column) for column in OVERLAP_COLUMNS}
    for one, other in itertools.combinations(tables, 2):
        common = [key for key in one.valid if key in other.valid]
        for key in common:
            if one.label[key] != other.label[key]:
                raise DataError(
                    f"{other.name}: image {key!r:.40} has the label {other.label[key]!r}, in"
                    f" {one.name} {one.label[key]!r}; are these of one test set?"
                )
        first = sum(not one.valid[key] for key in common)
        second = sum(not other.valid[key] for key in common)
        both = sum(not (one.valid[key] or other.valid[key]) for key in common)
        either = first + second - both
        bounds = wilson(both, either) if either else (None, None)
        values = (
            *(one.name, other.name, len(common), first, second, both, either),
            *(both / either if either else None, *bounds),
        )
        yield dict(zip(OVERLAP_COLUMNS, values, strict=True))
