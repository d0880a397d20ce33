"""Reading one archive from front to back, such as standard input: a stream of chunks.

Both layouts read alike, and so do shards that plain webdataset wrote.  Only known fields are
decoded; nothing is unpickled, extracted or run.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk
from advlib.shards.chunk_layout import decode_chunk
from advlib.shards.constants import DESCRIPTION, FORMAT, IMAGES_PER_CHUNK, MOST_CLASSES, VERSION
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
        self._descriptions: list[dict[str, Any]] = []
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
    def _description(self) -> dict[str, Any]:
        return self._descriptions[0] if self._descriptions else {}

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
        samples = read_samples(self._reader, self.name, self._descriptions)
        first = next(samples, None)
        if first is None:
            return
        self.layout = layout_of(first[1])
        if (said := self._description.get("layout", self.layout)) != self.layout:
            raise DataError(f"{self.name}: {DESCRIPTION}: layout {said!r}; found {self.layout}")
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
    reader: TarReader, name: str, descriptions: list[dict[str, Any]]
) -> Iterator[tuple[str, Members]]:
    """The samples of an archive in turn: key, and the bytes (size,) uint8 of each field.

    What archives say of themselves, one after another, is put into `descriptions`.  Raises
    DataError for a damaged archive, for members that no shard should hold, and where archives name
    their classes differently.
    """
    current: tuple[int, str] | None = None  # number of the archive, and key
    members: dict[str, np.ndarray] = {}
    for member in reader:
        if member.name == DESCRIPTION:
            descriptions.append(_decode_description(reader.read(), name))
            _require_same_names(descriptions, name)
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


def _require_same_names(descriptions: Sequence[dict[str, Any]], name: str) -> None:
    """DataError where the last of some archives names its classes as those before it do not."""
    first, last = (descriptions[i].get("class_names") for i in (0, -1))
    if first and last and first != last:
        raise DataError(f"{name}: class_names {last} in an archive behind one of {first}")


def read_beginning(path: str) -> tuple[str | None, str]:
    """What the shards of a set have in common, and the key of the first sample of one, a file.

    The first is None in older sets, in archives that came through a pipe, and in those of other
    programs, the second "" without a sample.
    Raises DataError for a damaged archive, and for a description that is none.
    """
    set_id = None
    with open(path, "rb") as file:
        reader = TarReader(file, path)
        for number, member in enumerate(reader):
            if number == 0 and member.name == DESCRIPTION:
                set_id = _decode_description(reader.read(), path).get("set")
            elif parts := key_and_field(member.name, path):
                return set_id, parts[0]
    return set_id, ""


def _decode_description(data: np.ndarray, name: str) -> dict[str, Any]:
    """The description of an archive, as Archive writes it."""
    where = f"{name}: {DESCRIPTION}"
    found = decode_json(data, where)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{where}: expected a description in {FORMAT} form")
    if found.get("version", VERSION) != VERSION:
        raise DataError(f"{where}: version {found['version']!r:.20}; expected {VERSION}")
    expected = {"set": str, "classes": int, "class_names": list, "history": list}
    for what, kind in expected.items():
        if found.get(what) is not None and type(found[what]) is not kind:
            wrong = type(found[what]).__name__
            raise DataError(f"{where}: {what}: {wrong}; expected {kind.__name__}")
    for what, kind in {"class_names": str, "history": dict}.items():
        if not all(isinstance(item, kind) for item in found.get(what) or ()):
            raise DataError(f"{where}: {what}: expected {kind.__name__} alone")
    classes, names = found.get("classes"), found.get("class_names")
    if classes is not None and not 0 < classes <= MOST_CLASSES:
        raise DataError(f"{where}: {classes} classes; expected 1 to {MOST_CLASSES}")
    if names and len(names) != (classes or len(names)):
        raise DataError(f"{where}: {len(names)} class_names of {classes} classes")
    return found
