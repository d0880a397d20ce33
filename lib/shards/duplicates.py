"""Duplicates in large sets, of images or keys, found by their hashes in bounded memory.

Hashes are dealt into partitions on disk by their first byte, and each partition is sorted by
itself.  128 bits: among a billion things the chance of one false match is below 1e-20.
"""

import tempfile
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import numpy as np

from advlib.jobs.files import cannot_write

PARTITIONS = 256
BUFFERED = 1 << 20  # records in memory before they go to disk, 26 bytes each
RECORD = np.dtype([("a", "<u8"), ("b", "<u8"), ("set", "<u2"), ("number", "<i8")])


def hash_rows(rows: Iterable[bytes | memoryview]) -> np.ndarray:
    """A 128-bit BLAKE2b hash of each of some bytes-like rows, (n, 2) uint64."""
    joined = b"".join(blake2b(row, digest_size=16).digest() for row in rows)
    return np.frombuffer(joined, "<u8").reshape(-1, 2)


class DuplicateFinder:
    """A collection of hashes that finds which come more than once.

    Use it as a context: what memory should not hold lies in a temporary folder until it ends.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory | None = None  # of the partitions, once needed
        self._buffered: list[np.ndarray] = []
        self._waiting = 0  # records of them

    def __enter__(self) -> "DuplicateFinder":
        return self

    def __exit__(self, *error: object) -> None:
        if self._folder:
            self._folder.cleanup()

    def add(self, digests: np.ndarray, which: int, first: int) -> None:
        """Add hashes (n, 2) of the things of set `which` that are numbered from `first` on."""
        records = np.empty(len(digests), RECORD)
        records["a"], records["b"] = digests[:, 0], digests[:, 1]
        records["set"], records["number"] = which, np.arange(first, first + len(digests))
        self._buffered.append(records)
        self._waiting += len(records)
        if self._waiting > BUFFERED:
            self._spill()

    def groups(self) -> Iterator[np.ndarray]:
        """Things of equal hash, in arrays (n,) of RECORD with a field `group`: runs of two or more.

        Within a group they are ordered by set and number.
        """
        if self._folder:
            if self._buffered:
                self._spill()
            for partition in range(PARTITIONS):
                yield _groups_of(np.fromfile(self._path(partition), RECORD))
        elif self._buffered:
            yield _groups_of(np.concatenate(self._buffered))

    def _spill(self) -> None:
        records = np.concatenate(self._buffered)
        part = (records["a"] >> np.uint64(56)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=PARTITIONS))
        for partition, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            path = self._path(partition)
            with cannot_write(path), open(path, "ab") as file:
                file.write(records[order[begin:end]].tobytes())
        self._buffered, self._waiting = [], 0

    def _path(self, partition: int) -> str:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="advtools-")
        return f"{self._folder.name}/{partition:03d}"


def _groups_of(records: np.ndarray) -> np.ndarray:
    """Of the records, those whose hash comes twice or more, with the number of their group."""
    records = records[np.lexsort((records["number"], records["set"], records["b"], records["a"]))]
    same = (records["a"][1:] == records["a"][:-1]) & (records["b"][1:] == records["b"][:-1])
    group = np.r_[0, np.cumsum(~same)] if len(records) else np.empty(0, np.int64)
    keep = np.r_[False, same] | np.r_[same, False] if len(records) else np.empty(0, bool)
    out = np.empty(int(keep.sum()), [*RECORD.descr, ("group", "<i8")])
    for name in RECORD.fields or ():
        out[name] = records[name][keep]
    out["group"] = group[keep]
    return out
