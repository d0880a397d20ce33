"""Names of shard sets, and the index beside one.

A set `data/train` is the files data/train-000000.tar, data/train-000001.tar, ... and its index
data/train.index.json; a set of one file `revised.tar` has revised.tar.index.json.  The index is a
wids-shard-index-v1, with counts of images, checksums and history of our own added.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from advlib.errors import DataError

SUFFIX = ".index.json"
NUMBERED = re.compile(r"(.*)-\d{4,}\.tar", re.DOTALL)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
EXPECTED = "expected shards (a .tar, name-{000000..000009}.tar, a set's name, its folder, or -)"


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
        return sum(shard.images for shard in self.shards)

    def document(self) -> dict:
        """The index as JSON has it."""
        return {
            "__kind__": "wids-shard-index-v1",
            "wids_version": 1,
            "format": "advshards",
            "version": 1,
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
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError) as err:
        raise DataError(f"{path}: not JSON: {err}") from None
    if not isinstance(document, dict) or document.get("format") != "advshards":
        raise DataError(f"{path}: not the index of a shard set")
    if document.get("version") != 1:
        raise DataError(f"{path}: version {document.get('version')!r}; expected 1")
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
    least = {"chunk": 1, "sample": 0}.get(index.layout)
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


@dataclass(frozen=True)
class SetFiles:
    """A set as files: its name, the paths of its shards in order, the path of its index or None."""

    name: str
    paths: tuple[str, ...]
    index: str | None


def find_sets(specs: Sequence[str]) -> list[SetFiles]:
    """The sets that the names on a command line mean, in their order.

    A name is a .tar file, several in brace notation, a set's name or index, or a folder, which
    means all sets in it.  Files of one set named one after another are one set.
    Raises DataError for what is not there, and for names that webdataset would run as commands.
    """
    found: list[tuple[str, str]] = []  # (set name, path)
    for spec in specs:
        found += [(set_name(path), path) for path in _paths(spec)]
    sets: list[SetFiles] = []
    for name, path in found:
        if sets and sets[-1].name == name and path not in sets[-1].paths:
            sets[-1] = SetFiles(name, (*sets[-1].paths, path), sets[-1].index)
        else:
            index = name + SUFFIX
            sets.append(SetFiles(name, (path,), index if os.path.isfile(index) else None))
    return sets


def set_name(path: str) -> str:
    """The set that a shard belongs to: its path without number and suffix, or the one file."""
    found = NUMBERED.fullmatch(path)
    return found[1] if found else path


def holds_shards(spec: str) -> bool:
    """Whether a name on a command line is one of shards, not of a data set in another form."""
    if spec.endswith((".tar", SUFFIX)) or os.path.isfile(spec + SUFFIX):
        return True
    if os.path.isdir(spec):
        return any(name.endswith(".tar") for name in os.listdir(spec))
    return "{" in spec or bool(SCHEME.match(spec))


def _paths(spec: str) -> list[str]:
    if SCHEME.match(spec) and not os.path.exists(spec):
        raise DataError(
            f"{spec!r}: names that run commands or reach the network are not read; {EXPECTED}"
        )
    if "{" in spec and not os.path.exists(spec):
        return _braces(spec)
    if os.path.isdir(spec):
        return _folder(spec)
    if spec.endswith(SUFFIX):
        spec = spec.removesuffix(SUFFIX)
    if os.path.isfile(spec):
        return [spec]
    if spec.endswith(".tar"):
        raise DataError(f"{spec}: no such file")
    if not os.path.isfile(spec + SUFFIX):
        raise DataError(f"{spec}: neither a file nor a set with an index; {EXPECTED}")
    folder = os.path.dirname(spec)
    paths = [os.path.join(folder, s.url) for s in read_index(spec + SUFFIX).shards]
    for path in paths:
        if not os.path.isfile(path):
            raise DataError(f"{path}: no such file; {spec + SUFFIX} names it")
    return paths


def _braces(spec: str) -> list[str]:
    from braceexpand import UnbalancedBracesError, braceexpand

    try:
        paths = list(braceexpand(spec))
    except UnbalancedBracesError:
        raise DataError(f"{spec}: braces do not match; {EXPECTED}") from None
    for path in paths:
        if not os.path.isfile(path):
            raise DataError(f"{path}: no such file, of {spec}")
    return paths


def _folder(folder: str) -> list[str]:
    names = os.listdir(folder)
    names = sorted(name for name in names if name.endswith(".tar") and name[0] != ".")
    paths = [os.path.normpath(os.path.join(folder, name)) for name in names]
    if not paths:
        raise DataError(f"{folder}: no .tar files in this folder; {EXPECTED}")
    return paths
