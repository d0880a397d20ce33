"""The index beside a shard set: its shards, what they hold, and how they were made.

It is a wids-shard-index-v1, with counts of images, checksums and history of our own added.
advshards(5) is the reference.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate, filterfalse

from advlib.documents import read_document
from advlib.errors import DataError
from advlib.jobs.files import write_json
from advlib.shards.constants import FORMAT, LAYOUTS, MOST_CLASSES, VERSION


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
    set_id: str | None = None  # as the description of each shard has it; None in older sets

    @property
    def images(self) -> int:
        """How many images the set holds."""
        return sum(shard.images for shard in self.shards)

    @property
    def starts(self) -> dict[str, int]:
        """Of each shard, by its name, the number of its first image in the set."""
        before = accumulate((shard.images for shard in self.shards), initial=0)
        return {shard.url: images for shard, images in zip(self.shards, before, strict=False)}

    def document(self) -> dict:
        """The index as JSON has it."""
        return {
            "__kind__": "wids-shard-index-v1",
            "wids_version": 1,
            "format": FORMAT,
            "version": VERSION,
            **({"set": self.set_id} if self.set_id else {}),
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
    with open(path, "rb") as file:
        document = read_document(file, path, FORMAT, VERSION, "the index of a shard set")
    try:
        index = _parse(document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise DataError(f"{path}: damaged index: {type(err).__name__} {err}") from None
    if wrong := _contradiction(index, document):
        raise DataError(f"{path}: {wrong}")
    return index


def _parse(document: dict) -> Index:
    names, set_id = document["class_names"], document.get("set")
    return Index(
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
        history=[dict(entry) for entry in document["history"]],
        set_id=None if set_id is None else str(set_id),
    )


def _contradiction(index: Index, document: dict) -> str:
    """What an index says that cannot be, whatever its shards hold; "" if nothing."""
    if index.layout not in LAYOUTS or (index.layout == "chunk") != ((index.chunk or 0) > 0):
        return (
            f"layout {index.layout!r}, {index.chunk} images a chunk; expected chunk with a number"
            " of them, or sample with none"
        )
    if not index.shards:
        return "no shards; expected the index of a shard set"
    if len(index.shape) != 3 or min(index.shape) < 1:
        return f"shape {list(index.shape)}; expected height, width and channels"
    names: set[str] = set()
    for shard in index.shards:
        if os.path.basename(shard.url) != shard.url or not shard.url.endswith(".tar"):
            return f"shard {shard.url!r} is elsewhere; expected a .tar file beside it"
        if shard.url in names:
            return f"shard {shard.url!r} comes twice"
        names.add(shard.url)
        chunk = index.chunk or 1
        samples = -(-shard.images // chunk)
        if not 0 < shard.nsamples == samples <= shard.images <= shard.filesize:
            return (
                f"shard {shard.url!r}: {shard.images} images in {shard.nsamples} samples of"
                f" {shard.filesize} bytes; expected {samples} samples"
            )
    if sorted(names, key=lambda url: (len(url), url)) != [shard.url for shard in index.shards]:
        return "shards that are not in order"
    if document.get("images") != index.images:
        return f"{document.get('images')!r:.20} images; its shards have {index.images}"
    counts = index.class_counts
    if not 0 < index.classes <= MOST_CLASSES or len(counts) != index.classes or min(counts) < 0:
        return f"{index.classes} classes, but {len(counts)} class_counts; expected one of each"
    if sum(counts) != index.images:
        return f"class_counts of {sum(counts)} images; its shards have {index.images}"
    if index.class_names and len(index.class_names) != index.classes:
        return f"{len(index.class_names)} class_names of {index.classes} classes"
    return ""


def append_history(path: str, entry: dict, replaces: Callable[[dict], bool]) -> None:
    """Add an entry to the history of a set's index, in place of those that it replaces.

    Raises as `read_index`, and OSError where the file cannot be written.
    """
    index = read_index(path)
    history = [*filterfalse(replaces, index.history), entry]
    document = replace(index, history=history).document()
    write_json(path, document)
