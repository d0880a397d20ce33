"""Reading a set whole and saying everything that is wrong with it, and where."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.shards import layouts
from advlib.shards.chunk import IMAGES, Chunk, key_text
from advlib.shards.index import Index, SetFiles, read_index
from advlib.shards.repeats import Repeats, hashes
from advlib.shards.stream import alike, field_shapes, samples
from advlib.shards.tar import TarReader


@dataclass(frozen=True)
class Problem:
    """Something wrong: in which file, at which sample (key, or empty), and what."""

    file: str
    sample: str
    problem: str


class _Hashed:
    """A file that is hashed as it is read, and never seeks, so that every byte is seen."""

    def __init__(self, file: BinaryIO):
        self._file, self.digest, self.size = file, hashlib.sha256(), 0

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self.digest.update(data)
        self.size += len(data)
        return data

    def readinto(self, view) -> int:
        count = self._file.readinto(view)
        self.digest.update(view[:count])
        self.size += count
        return count

    def seekable(self) -> bool:
        return False


def verify(files: SetFiles, tick: Callable[[int], None] = lambda n: None) -> Iterator[Problem]:
    """Everything wrong with a set: structure, fields, dtypes, labels, counts, keys, checksums.

    tick: called with the number of images done, now and then.
    """
    try:
        index = read_index(files.index) if files.index else None
    except DataError as err:
        yield _problem(err, files.index)
        index = None
    entries = {shard.url: shard for shard in index.shards} if index else {}
    with Repeats() as keys:
        total, starts = 0, _starts(index)
        like: dict = {"classes": index.classes if index else None}
        if index:
            like |= {"shape": index.shape, "names": {*index.fields}, "layout": index.layout}
        for path in files.paths:
            entry = entries.get(os.path.basename(path))
            start = starts.get(os.path.basename(path))
            with open(path, "rb") as file:
                total += yield from _archive(file, path, entry, like, keys, total, start, tick)
            if index and not entry:
                yield Problem(path, "", f"not among the shards of {files.index}")
        yield from _shared_keys(keys, files.name)
        if index and len(files.paths) == len(index.shards) and total != index.images:
            yield Problem(files.index, "", f"{index.images} images; the shards hold {total}")


def verify_stream(
    file: BinaryIO, name: str, tick: Callable[[int], None] = lambda n: None
) -> Iterator[Problem]:
    """Everything wrong with one archive that is read once, such as standard input."""
    with Repeats() as keys:
        yield from _archive(file, name, None, {"classes": None}, keys, 0, None, tick)
        yield from _shared_keys(keys, name)


def _shared_keys(keys: Repeats, name: str) -> Iterator[Problem]:
    pairs = []
    for records in keys.groups():
        number, later = records["number"], np.flatnonzero(np.diff(records["group"]) == 0)
        pairs += zip(number[later + 1].tolist(), number[later].tolist(), strict=True)
    for number, earlier in sorted(pairs):
        yield Problem(name, "", f"image {number} has the key of image {earlier}")


def _starts(index: Index | None) -> dict[str, int]:
    """The number of the first image of each shard."""
    starts, images = {}, 0
    for shard in index.shards if index else ():
        starts[shard.url] = images
        images += shard.images
    return starts


def _archive(file, path, entry, like, keys, first, start, tick) -> Iterator[Problem]:
    """The problems of one archive; returns how many images it holds.

    first: how many images came before; start: the number that its first image has in its set.
    """
    images, groups, whole = 0, 0, True
    place = start  # of the next chunk; None where one is not known
    names: set[str] | None = None  # of fields, in as many samples as a reader takes together
    hashed = _Hashed(file)
    about: dict = {}
    stream = samples(TarReader(hashed, path), path, about)
    while True:
        try:
            key, members = next(stream)
        except StopIteration:
            break
        except DataError as err:
            yield _problem(err, path)
            whole = False
            break
        groups += 1
        try:
            chunk = _decoded(key, members, path, like, about)
        except DataError as err:
            yield _problem(err, path, key)
            place = None
            continue
        if like["layout"] == "chunk" and start is not None:
            if place is not None and key != key_text(place):
                asked = key_text(place)
                yield Problem(path, key, f"this chunk's place in the set asks for key {asked}")
            place = int(key) + len(chunk) if key.isdecimal() else None
        names = (names or set()) | set(chunk.fields)
        if groups % IMAGES == 0 or like["layout"] == "chunk":
            yield from _odd_names(path, key, names, like)
            names = None
        texts = (k.encode("utf-8", "surrogatepass") for k in chunk.key_texts())
        keys.add(hashes(texts), 0, first + images)
        images += len(chunk)
        tick(len(chunk))
    if names is not None:
        yield from _odd_names(path, "", names, like)
    while hashed.read(1 << 20):
        pass
    if entry:
        found = {"filesize": hashed.size}
        if whole:  # else the counts differ for a reason that has been told
            found |= {"nsamples": groups, "images": images}
        if hashed.size == entry.filesize:
            found["sha256"] = hashed.digest.hexdigest()
        for name, value in found.items():
            if value != getattr(entry, name):
                yield Problem(path, "", f"{name} {value}; the index says {getattr(entry, name)}")
    if not groups:
        yield Problem(path, "", "holds no images")
    return images


def _decoded(key, members, path, like, about) -> Chunk:
    """The chunk of one sample, checked against the set's first one, or its index."""
    layout = layouts.layout_of(members)
    if like.setdefault("layout", layout) != layout:
        raise DataError(f"{path}: {key}: {layout} layout in a set of {like['layout']} layout")
    if layout == "chunk":
        chunk = layouts.decode_chunk(members, f"{path}: {key}")
    else:
        chunk = layouts.decode_samples([(key, members)], path)
    shape = like.setdefault("shape", chunk.image.shape[1:])
    shapes = field_shapes(chunk)
    for name, found in shapes.items():
        expected = like.setdefault(("field", name), found)
        if found != expected:
            raise DataError(
                f"{path}: {key}: field {name!r} of shape {found}, before it {expected}; expected"
                " one shape"
            )
    arrays = {name for name, found in shapes.items() if found}
    if layout == "sample" and arrays != like.setdefault("arrays", arrays):
        odd = ", ".join(sorted(arrays ^ like["arrays"]))
        raise DataError(f"{path}: {key}: only some images have {odd}")
    classes = like["classes"] or about.get("classes")
    for _ in alike([chunk], path, shape, shapes, classes):
        pass
    return chunk


def _odd_names(path: str, key: str, names: set[str], like: dict) -> Iterator[Problem]:
    """A problem where images have other fields than those before them."""
    odd = names ^ like.setdefault("names", names)
    if odd:
        yield Problem(path, key, f"only some images have {', '.join(sorted(odd))}")


def _problem(err: DataError, path: str, sample: str = "") -> Problem:
    """The problem without the file's and the sample's name, which have columns of their own."""
    text = str(err).removeprefix(f"{path}: ").removeprefix(sample).lstrip(": .")
    return Problem(path, sample, text)
