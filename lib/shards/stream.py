"""Reading one archive from front to back, such as standard input: a stream of chunks.

Both layouts read alike, and so do shards that plain webdataset wrote.  Only known fields are
decoded; nothing is unpickled, extracted or run.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.chunk_layout import decode_chunk
from advlib.shards.constants import DESCRIPTION, IMAGES_PER_CHUNK, VERSION
from advlib.shards.form import Form, field_shapes, require_same_form
from advlib.shards.image_size import THOUSAND_BYTES
from advlib.shards.members import Members, decode_json, duplicate_member, key_and_field, layout_of
from advlib.shards.sample_layout import decode_batches, unknown_fields
from advlib.shards.tar import Readable, TarReader


class ShardStream:
    """Images from one archive that is read once, such as standard input.

    `layout`, `shape` (height, width, channels), `fields`, `class_names`, `classes` and `history`
    are those of the archive's description and first chunk; `skipped` are fields that are not
    carried along.

    Raises DataError for what is no archive of images.
    """

    count = None  # how many images there are: known at the end

    def __init__(self, file: Readable, name: str):
        self.name = name
        self.layout = ""
        self.skipped: set[str] = set()
        self._reader = TarReader(file, name)
        self._description: dict[str, Any] = {}
        self._chunks = self._read()
        first = next(self._chunks, None)
        if first is None:
            raise DataError(f"{name}: holds no images")
        self._first = [first]  # until it is read
        self.shape = first.image.shape[1:]
        self.field_shapes = field_shapes(first)
        self.fields = tuple(sorted(first.fields))

    @property
    def bytes(self) -> int:
        """How many have been read."""
        return self._reader.position

    @property
    def history(self) -> list[dict]:
        """The command lines that made the set, oldest first."""
        return list(self._description.get("history") or ())

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of labels 0, 1, ...; None where the set does not say them."""
        names = self._description.get("class_names")
        return tuple(names) if names else None

    @property
    def classes(self) -> int | None:
        """How many classes the set says that it has; None where it does not."""
        return self._description.get("classes")

    def chunks(self) -> Iterator[Chunk]:
        """The images in order, once; chunks as stored, or of up to 1000 samples."""
        first, self._first = self._first, []
        form = Form(self.shape, self.field_shapes, self.classes)
        return require_same_form(itertools.chain(first, self._chunks), form, self.name)

    def _read(self) -> Iterator[Chunk]:
        samples = read_samples(self._reader, self.name, self._description)
        first = next(samples, None)
        if first is None:
            return
        self.layout = layout_of(first[1])
        samples = itertools.chain([first], samples)
        if self.layout == "chunk":
            for key, members in samples:
                yield decode_chunk(members, f"{self.name}: {key}")
        else:
            for some in _groups(samples):
                self.skipped.update(*(unknown_fields(members) for _, members in some))
                yield from decode_batches(some, self.name)


def _groups(samples: Iterable[tuple[str, Members]]) -> Iterator[list[tuple[str, Members]]]:
    """A thousand samples at a time, or fewer where they are large."""
    group: list[tuple[str, Members]] = []
    size = 0
    for key, members in samples:
        group.append((key, members))
        size += sum(len(data) for data in members.values())
        if len(group) == IMAGES_PER_CHUNK or size >= THOUSAND_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def read_samples(
    reader: TarReader, name: str, description: dict[str, Any]
) -> Iterator[tuple[str, Members]]:
    """The samples of an archive in turn: key, and the bytes (size,) uint8 of each field.

    What the archive's description says is put into `description`.  Raises DataError for a damaged
    archive, and for members that no shard should hold.
    """
    current: tuple[int, str] | None = None  # number of the archive, and key
    members: dict[str, np.ndarray] = {}
    for member in reader:
        if member.name == DESCRIPTION:
            if not description:
                description |= _read_description(reader.read(), name)
            continue
        parts = key_and_field(member.name, name)
        if parts is None:
            continue
        key, field = parts
        if (reader.archive, key) != current:
            if current is not None:
                yield current[1], members
            current, members = (reader.archive, key), {}
        elif field in members:
            raise duplicate_member(name, member.name)
        members[field] = reader.read()
    if current is not None:
        yield current[1], members


def _read_description(data: np.ndarray, name: str) -> dict[str, Any]:
    """The description of an archive, as Archive writes it."""
    where = f"{name}: {DESCRIPTION}"
    found = decode_json(data, where)
    if not isinstance(found, dict) or found.get("format") != "advshards":
        raise DataError(f"{where}: expected a description in advshards form")
    if found.get("version", VERSION) != VERSION:
        raise DataError(f"{where}: version {found['version']!r:.20}; expected {VERSION}")
    expected = {"classes": int, "class_names": list, "history": list}
    for what, kind in expected.items():
        if found.get(what) is not None and type(found[what]) is not kind:
            wrong = type(found[what]).__name__
            raise DataError(f"{where}: {what}: {wrong}; expected {kind.__name__}")
    for what, kind in {"class_names": str, "history": dict}.items():
        if not all(isinstance(item, kind) for item in found.get(what) or ()):
            raise DataError(f"{where}: {what}: expected {kind.__name__} alone")
    return found
