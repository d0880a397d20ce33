"""What is known of a set before it is read: its first chunk, and its index if it has one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from advlib.errors import DataError
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.index import Index, ShardEntry, read_index
from advlib.shards.set_files import SetFiles
from advlib.shards.stream import ShardStream


@dataclass(frozen=True)
class SetHeader:
    """What a set says of itself.

    first: its first shard, of which a chunk has been read.  classes: how many, None where nothing
    says it.  history: the command lines that made it.  entries: what the index says of each shard,
    None without an index.  chunk: images of each chunk but a shard's last, as the index says.
    """

    first: ShardStream
    classes: int | None
    history: list[dict]
    entries: Sequence[ShardEntry | None]
    chunk: int


def read_header(files: SetFiles) -> SetHeader:
    """The header of a set; DataError where its first shard is none or disagrees with its index."""
    with open(files.paths[0], "rb") as file:
        stream = ShardStream(file, files.paths[0])
    if not files.index:
        unknown = [None] * len(files.paths)
        return SetHeader(stream, stream.classes, stream.history, unknown, IMAGES_PER_CHUNK)
    index = read_index(files.index)
    for what in ("layout", "shape", "fields"):
        said, found = getattr(index, what), getattr(stream, what)
        if said != found:
            raise DataError(f"{files.index}: {what} {said}; {files.paths[0]} has {found}")
    entries = _entries(files, index)
    chunk = index.chunk or IMAGES_PER_CHUNK
    return SetHeader(stream, index.classes, index.history, entries, chunk)


def require_one_form(headers: Sequence[SetHeader]) -> None:
    """DataError for sets that cannot be read as one: of other shape, fields or class names."""
    first = headers[0].first
    for other in (header.first for header in headers):
        for what in ("shape", "fields", "class_names"):
            mine, its = getattr(first, what), getattr(other, what)
            if mine != its and not (what == "class_names" and None in (mine, its)):
                raise DataError(f"{other.name}: {what} {its}; {first.name} has {mine}")


def _entries(files: SetFiles, index: Index) -> list[ShardEntry]:
    """What the index says of each shard."""
    by_name = {shard.url: shard for shard in index.shards}
    entries = []
    for path in files.paths:
        entry = by_name.get(os.path.basename(path))
        if entry is None:
            raise DataError(f"{path}: not among the shards of {files.index}")
        size = os.path.getsize(path)
        if size != entry.filesize:
            raise DataError(f"{path}: {size} bytes; {files.index} says {entry.filesize}")
        entries.append(entry)
    for path in files.missing(index.shards):
        raise DataError(f"{path}: no such file; {files.index} names it")
    return entries
