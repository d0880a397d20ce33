"""What is known of a set before it is read: its first chunk, and its index if it has one."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advlib.errors import DataError
from advlib.shards.chunk import key_text
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.index import Index, ShardEntry, read_index
from advlib.shards.set_files import SetFiles
from advlib.shards.stream import ShardStream, read_beginning


@dataclass(frozen=True)
class SetHeader:
    """What a set says of itself.

    first: its first shard, of which a chunk has been read.  classes: how many, None where nothing
    says it.  history: the command lines that made it.  entries: what the index says of each shard,
    None without an index.  chunk: images of each chunk but a shard's last, as the index says.
    set_id: what its shards have in common; None of older sets, and of those of other programs.
    """

    first: ShardStream
    classes: int | None
    history: list[dict]
    entries: Sequence[ShardEntry | None]
    chunk: int
    set_id: str | None


def read_header(files: SetFiles) -> SetHeader:
    """The header of a set.

    Raises DataError where its first shard is none or disagrees with its index, and where its
    shards are not of one set.
    """
    with open(files.paths[0], "rb") as file:
        stream = ShardStream(file, files.paths[0])
    set_id, _ = read_beginning(files.paths[0])
    index = read_index(files.index) if files.index else None
    entries: Sequence[ShardEntry | None] = [None] * len(files.paths)
    if index:
        for what in ("layout", "shape", "fields", "classes", "class_names"):
            said, found = getattr(index, what), getattr(stream, what)
            if found not in (said, None):  # None: not known when the shard was begun
                raise DataError(f"{files.index}: {what} {said}; {files.paths[0]} has {found}")
        entries = _entries(files, index)
    for path, why in misplaced_shards(files, index):
        raise DataError(f"{path}: {why}")
    if not index:
        return SetHeader(stream, stream.classes, stream.history, entries, IMAGES_PER_CHUNK, set_id)
    chunk = index.chunk or IMAGES_PER_CHUNK
    return SetHeader(stream, index.classes, index.history, entries, chunk, set_id)


def misplaced_shards(files: SetFiles, index: Index | None) -> Iterator[tuple[str, str]]:
    """Shards that are of another set than the index, or than the first shard, and those that are
    not where the index has them; with what to say of each.

    A set has some whose replacement was cut off, or over which another was copied in part.
    """
    of, expected = files.index, index.set_id if index else None
    starts = index.starts if index and index.layout == "chunk" else {}
    for path in files.paths:
        set_id, key = read_beginning(path)
        if expected is None and path == files.paths[0]:  # an older index, or none
            of, expected = path, set_id
        elif set_id != expected:
            yield path, of_another_set(of)
            continue
        start = starts.get(os.path.basename(path)) if set_id else None
        if start is not None and key != key_text(start):
            yield path, f"begins with image {key}; {files.index} says {key_text(start)}"


def of_another_set(than: str | None) -> str:
    """What to say of a shard that is of another set than a file, or than when that was read."""
    return (
        f"of another set than {than}: was its replacement cut off, or a copy? expected the shards"
        " of one set; write it again"
    )


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
