"""Reading a set whole and saying everything that is wrong with it, and where."""

import contextlib
import os
from collections.abc import Iterator

import numpy as np

from advlib.errors import DataError
from advlib.shards.archive_check import (
    ArchiveCheck,
    Expected,
    Problem,
    Tick,
    add_counts,
    problem_of,
)
from advlib.shards.duplicates import DuplicateFinder
from advlib.shards.index import Index, read_index
from advlib.shards.set_files import GAP, SetFiles
from advlib.shards.set_header import misplaced_shards
from advlib.shards.tar import Readable


def verify(files: SetFiles, tick: Tick = lambda n: None) -> Iterator[Problem]:
    """Everything wrong with a set: structure, fields, dtypes, labels, counts, keys, checksums."""
    index: Index | None = None
    if files.index:
        try:
            index = read_index(files.index)
        except DataError as err:
            yield problem_of(err, files.index)
    expected = Expected.by(index) if index else Expected()
    entries = {shard.url: shard for shard in index.shards} if index else {}
    for path in files.missing(index.shards) if index else ():
        yield Problem(path, "", f"no such file; {files.index} names it")
    if files.gap:
        yield Problem(files.gap, "", GAP)
    with contextlib.suppress(DataError):  # which the check of that archive says
        for path, why in misplaced_shards(files, index):
            yield Problem(path, "", why)
    starts = index.starts if index else {}
    with DuplicateFinder() as keys:
        total, counts = 0, np.zeros(0, np.int64)
        for path in files.paths:
            base = os.path.basename(path)
            with open(path, "rb") as file:
                check = ArchiveCheck(file, path, expected, keys, total, starts.get(base), tick)
                total += yield from check.problems()
            counts = add_counts(counts, check.counts)
            if index and base in entries:
                yield from check.disagreements(entries[base])
            if check.samples == 0:
                yield Problem(path, "", "holds no images")
            if index and base not in entries:
                yield Problem(path, "", f"not among the shards of {files.index}")
        yield from _shared_keys(keys, files.name)
        if index and len(files.paths) == len(index.shards):
            for what, found in _totals(total, counts, index):
                yield Problem(files.index or "", "", f"{what}; the shards hold {found}")


def verify_stream(file: Readable, name: str, tick: Tick = lambda n: None) -> Iterator[Problem]:
    """Everything wrong with one archive that is read once, such as standard input."""
    with DuplicateFinder() as keys:
        check = ArchiveCheck(file, name, Expected(), keys, 0, None, tick)
        yield from check.problems()
        if check.samples == 0:
            yield Problem(name, "", "holds no images")
        yield from _shared_keys(keys, name)


def _totals(images: int, counts: np.ndarray, index: Index) -> Iterator[tuple[str, str]]:
    """What an index says of all shards together that is not so, and what is."""
    if images != index.images:
        yield f"{index.images} images", str(images)
        return
    found = add_counts(counts, np.zeros(index.classes, np.int64)).tolist()
    for label, (said, true) in enumerate(zip(index.class_counts, found, strict=False)):
        if said != true:
            yield f"class_counts: {said} images of class {label}", str(true)


def _shared_keys(keys: DuplicateFinder, name: str) -> Iterator[Problem]:
    """A problem for each image that has the key of an earlier one."""
    pairs: list[tuple[int, int]] = []
    for records in keys.groups():
        number, later = records["number"], np.flatnonzero(np.diff(records["group"]) == 0)
        pairs += zip(number[later + 1].tolist(), number[later].tolist(), strict=True)
    for image, earlier in sorted(pairs):
        yield Problem(name, "", f"image {image} has the key of image {earlier}")
