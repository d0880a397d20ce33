"""Where the members of an archive lie, by its headers alone: what random access needs to know."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.shards import npy
from advlib.shards.members import duplicate_member, key_and_field
from advlib.shards.tar import TarReader


@dataclass(frozen=True)
class SamplePositions:
    """A sample of an archive: its key, and (offset, size) in bytes of each field's data."""

    key: str
    members: dict[str, tuple[int, int]]


def find_samples(path: str) -> list[SamplePositions]:
    """The samples of the archive `path`, in their order.

    Raises DataError for a damaged archive, and for members that no shard should hold.
    """
    samples: list[SamplePositions] = []
    current = None  # number of the archive, and key
    with open(path, "rb") as file:
        reader = TarReader(file, path)
        for member in reader:
            if parts := key_and_field(member.name, path):
                key, field = parts
                if (reader.archive, key) != current:
                    current = reader.archive, key
                    samples.append(SamplePositions(key, {}))
                elif field in samples[-1].members:
                    raise duplicate_member(path, member.name)
                samples[-1].members[field] = (member.offset, member.size)
    return samples


def count_images(file: BinaryIO, path: str, sample: SamplePositions) -> int:
    """How many images a chunk holds, by its labels; `file` is its archive, `path`, opened.

    Raises DataError for a chunk without labels.
    """
    if "label.npy" not in sample.members:
        raise DataError(f"{path}: {sample.key}: field label.npy is missing")
    offset, size = sample.members["label.npy"]
    file.seek(offset)
    data = np.frombuffer(file.read(size), np.uint8)
    count = len(npy.decode(data, f"{path}: {sample.key}.label.npy"))
    if not count:
        raise DataError(f"{path}: {sample.key}: no images; expected one at least")
    return count
