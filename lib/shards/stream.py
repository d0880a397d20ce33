"""Reading shards: a stream of chunks, from files or a pipe, and any image by its number.

Both layouts read alike, and so do shards that plain webdataset wrote.  Only known fields are
decoded; nothing is unpickled, extracted or run.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import numpy as np

from advlib.errors import DataError
from advlib.shards import layouts
from advlib.shards.chunk import IMAGES, Chunk, key_text, shape_text
from advlib.shards.tar import TarReader, split_name


class ShardStream:
    """Images from one archive that is read once, such as standard input.

    `layout`, `shape` (h, w, c), `fields`, `class_names`, `classes` and `history` are those of the
    archive's first member and first chunk.
    """

    count = None  # how many images there are: known at the end

    def __init__(self, file: BinaryIO, name: str):
        self.name = name
        self._reader = TarReader(file, name)
        self.about: dict = {}
        self.skipped: set[str] = set()  # fields that are not carried along
        self._chunks = self._read()
        self._first = next(self._chunks, None)
        if self._first is None:
            raise DataError(f"{name}: holds no images")
        self.shape = self._first.image.shape[1:]
        self.field_shapes = field_shapes(self._first)
        self.fields = tuple(sorted(self._first.fields))

    @property
    def bytes(self) -> int:
        """How many have been read."""
        return self._reader.position

    @property
    def history(self) -> list[dict]:
        """The command lines that made the set, oldest first."""
        return list(self.about.get("history") or ())

    @property
    def class_names(self) -> tuple[str, ...] | None:
        names = self.about.get("class_names")
        return tuple(names) if names else None

    @property
    def classes(self) -> int | None:
        """How many classes the set says that it has; None where it does not."""
        return self.about.get("classes")

    def chunks(self) -> Iterator[Chunk]:
        """The images in order, once; chunks as stored, or of up to 1000 samples."""
        chunks = itertools.chain([self._first], self._chunks)
        self._first = None
        return alike(chunks, self.name, self.shape, self.field_shapes, self.classes)

    def _read(self) -> Iterator[Chunk]:
        groups = samples(self._reader, self.name, self.about)
        first = next(groups, None)
        if first is None:
            return
        self.layout = layouts.layout_of(first[1])
        groups = itertools.chain([first], groups)
        if self.layout == "chunk":
            for key, members in groups:
                yield layouts.decode_chunk(members, f"{self.name}: {key}")
        else:
            while some := list(itertools.islice(groups, IMAGES)):
                self.skipped.update(*(layouts.unknown_fields(members) for _, members in some))
                yield layouts.decode_samples(some, self.name)


def samples(
    reader: TarReader, name: str, about: dict
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The samples of an archive in turn: key, and the bytes (size,) uint8 of each field.

    What the archive's description says is put into `about`.
    """
    current, members = None, {}  # current: number of the archive, and key
    for member in reader:
        if member.name == layouts.META:
            if not about:
                about |= _about(reader.read(), name)
            continue
        parts = named(member.name, name)
        if parts is None:
            continue
        key, field = parts
        if (reader.archive, key) != current:
            if current is not None:
                yield current[1], members
            current, members = (reader.archive, key), {}
        elif field in members:
            raise twice(name, member.name)
        members[field] = reader.read()
    if current is not None:
        yield current[1], members


def field_shapes(chunk: Chunk) -> dict[str, tuple]:
    """Of each field, the shape that it has for one image."""
    return {name: values.shape[1:] for name, values in chunk.fields.items()}


def alike(
    chunks: Iterable[Chunk],
    name: str,
    shape: tuple,
    fields: Mapping[str, tuple],
    classes: int | None,
) -> Iterator[Chunk]:
    """The chunks, as long as all have this shape and these fields, and labels below `classes`.

    fields: the shape of each for one image.
    Raises DataError at the first that does not, beginning with `name`.
    """
    for chunk in chunks:
        if not len(chunk):
            continue
        first = key_text(chunk.key[0].item() if chunk.key.dtype != object else chunk.key[0])
        if chunk.image.shape[1:] != tuple(shape):
            expected = "x".join(map(str, shape))
            raise DataError(
                f"{name}: image {first} is {shape_text(chunk.image)}, those before it {expected};"
                " expected one shape"
            )
        if set(chunk.fields) != set(fields):
            odd = ", ".join(sorted(set(chunk.fields) ^ set(fields)))
            raise DataError(f"{name}: at image {first}: only some images have {odd}")
        for field, found in field_shapes(chunk).items():
            if found != fields[field]:
                raise DataError(
                    f"{name}: at image {first}: field {field!r} of shape {found}, before it"
                    f" {fields[field]}; expected one shape"
                )
        if classes is not None and int(chunk.label.max()) >= classes:
            at = int(np.argmax(chunk.label))
            raise DataError(
                f"{name}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; the set has"
                f" {classes} classes, so expected 0 to {classes - 1}"
            )
        yield chunk


def named(name: str, archive: str) -> tuple[str, str] | None:
    """Key and field of a member, None for one that holds no field; refuses fields never read."""
    parts = split_name(name)
    if parts:
        layouts.check_field(f"{archive}: {name!r}", parts[1])
    return parts


def _about(data: np.ndarray, name: str) -> dict:
    try:
        about = json.loads(data.tobytes())
    except (ValueError, RecursionError) as err:
        raise DataError(f"{name}: {layouts.META}: not JSON: {err}") from None
    if not isinstance(about, dict) or about.get("format") != "advshards":
        raise DataError(f"{name}: {layouts.META}: expected a description in advshards form")
    expected = {"classes": int, "class_names": list, "history": list}
    for what, kind in expected.items():
        if about.get(what) is not None and type(about[what]) is not kind:
            found = type(about[what]).__name__
            raise DataError(f"{name}: {layouts.META}: {what}: {found}; expected {kind.__name__}")
    for what, kind in {"class_names": str, "history": dict}.items():
        if not all(isinstance(item, kind) for item in about.get(what) or ()):
            raise DataError(f"{name}: {layouts.META}: {what}: expected {kind.__name__} alone")
    return about


def twice(archive: str, name: str) -> DataError:
    """The error of a member that a sample has already."""
    return DataError(f"{archive}: member {name!r} comes twice; is a key used for two images?")
