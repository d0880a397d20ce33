"""The index beside a shard set: its shards, what they hold, and how they were made.

It is a wids-shard-index-v1, with counts of images, checksums and history of our own added.
advshards(5) is the reference.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import filterfalse

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.jobs.files import atomic_write
from advlib.shards.constants import VERSION


@dataclass(frozen=True)
class ShardEntry:
    """One shard of an index: file name beside the index, counts, bytes, SHA-256 in hexadecimal."""

    url: str
    nsamples: int  # samples as webdataset counts them: a chunk is one
    images: int
    filesize: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What a set's index says; written by Writer, one per set."""

    layout: str
    shape: tuple[int, ...]  # of an image: height, width, channels
    classes: int
    class_names: tuple[str, ...] | None
    class_counts: tuple[int, ...]
    fields: tuple[str, ...]
    chunk: int | None  # images of each chunk but a shard's last; None in the sample layout
    shards: tuple[ShardEntry, ...]
    history: list[dict] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many images the set holds."""
        return sum(shard.images for shard in self.shards)

    def document(self) -> dict:
        """The index as JSON has it."""
        return {
            "__kind__": "wids-shard-index-v1",
            "wids_version": 1,
            "format": "advshards",
            "version": VERSION,
            "layout": self.layout,
            "images": self.images,
            "shape": list(self.shape),
            "classes": self.classes,
            "class_names": list(self.class_names) if self.class_names else None,
            "class_counts": list(self.class_counts),
            "fields": list(self.fields),
            "chunk": self.chunk,
            "history": self.history,
            "shardlist": [asdict(shard) for shard in self.shards],
        }


def read_index(path: str) -> Index:
    """The index in the file `path`.

    Raises DataError for what is not the index of a set, naming the field.
    """
    try:
        with open(path, "rb") as file:
            document = parse_json(file.read())
    except ValueError as err:
        raise DataError(f"{path}: not JSON: {err}") from None
    if not isinstance(document, dict) or document.get("format") != "advshards":
        raise DataError(f"{path}: not the index of a shard set")
    if document.get("version") != VERSION:
        raise DataError(f"{path}: version {document.get('version')!r}; expected {VERSION}")
    try:
        names = document["class_names"]
        index = Index(
            layout=document["layout"],
            shape=tuple(map(int, document["shape"])),
            classes=int(document["classes"]),
            class_names=tuple(map(str, names)) if names else None,
            class_counts=tuple(map(int, document["class_counts"])),
            fields=tuple(map(str, document["fields"])),
            chunk=None if document["chunk"] is None else int(document["chunk"]),
            shards=tuple(
                ShardEntry(
                    str(s["url"]),
                    int(s["nsamples"]),
                    int(s["images"]),
                    int(s["filesize"]),
                    str(s["sha256"]),
                )
                for s in document["shardlist"]
            ),
            history=list(document["history"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise DataError(f"{path}: damaged index: {type(err).__name__} {err}") from None
    least = {"chunk": 1, "sample": 0}.get(str(index.layout))
    if least is None or (index.chunk or 0) < least or not index.shards:
        raise DataError(
            f"{path}: layout {index.layout!r}, {index.chunk} images a chunk, {len(index.shards)}"
            " shards; expected the index of a shard set"
        )
    for shard in index.shards:
        if os.path.basename(shard.url) != shard.url or not shard.url.endswith(".tar"):
            raise DataError(
                f"{path}: shard {shard.url!r} is elsewhere; expected a .tar file beside it"
            )
        if not 0 < shard.nsamples <= shard.images <= shard.filesize:
            raise DataError(
                f"{path}: shard {shard.url!r}: {shard.images} images in {shard.nsamples} samples of"
                f" {shard.filesize} bytes"
            )
    return index


def append_history(path: str, entry: dict, replaces: Callable[[dict], bool]) -> None:
    """Add an entry to the history of a set's index, in place of those that it replaces.

    Raises as `read_index`, and OSError where the file cannot be written.
    """
    index = read_index(path)
    history = [*filterfalse(replaces, index.history), entry]
    document = replace(index, history=history).document()
    with atomic_write(path) as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())
