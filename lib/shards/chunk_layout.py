"""The chunk layout: some 1000 images in a sample of webdataset, `image.npy`, `label.npy` and so on.

Each field of numbers is an .npy member of its own; texts, and keys that are not the images'
numbers, are in the member `json`.  advshards(5) is the reference.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.shards import npy
from advlib.shards.chunk import Chunk, key_text, object_array
from advlib.shards.constants import RESERVED
from advlib.shards.form import require_valid
from advlib.shards.members import (
    Buffers,
    Members,
    encode_json,
    field_twice,
    read_array,
    read_json,
)

INT64 = 1 << 63


def encode_chunk(chunk: Chunk, first: int) -> Iterable[tuple[str, Buffers]]:
    """Names and buffers of the members of a chunk; its first image is number `first` of its set."""
    name = key_text(first)
    yield f"{name}.image.npy", [*npy.encode(chunk.image)]
    yield f"{name}.label.npy", [*npy.encode(chunk.label)]
    texts = {}
    for field, values in sorted(chunk.fields.items()):
        if values.dtype == object:
            texts[field] = values.tolist()
        else:
            yield f"{name}.{field}.npy", [*npy.encode(values)]
    about: dict[str, Any] = {"first": first, "n": len(chunk)}
    if chunk.key.dtype == object or not np.array_equal(
        chunk.key, np.arange(first, first + len(chunk))
    ):
        about["keys"] = _encode_keys(chunk.key)
    if texts:
        about["fields"] = texts
    yield f"{name}.json", [encode_json(about)]


def _encode_keys(key: np.ndarray) -> int | list:
    """Consecutive numbers as the first of them, others as a list."""
    if key.dtype != object and np.array_equal(key, np.arange(key[0], key[0] + len(key))):
        return int(key[0])
    return key.tolist()


def decode_chunk(members: Members, where: str) -> Chunk:
    """The chunk whose members are given, field to bytes (size,) uint8; `where` names it.

    Raises DataError for missing members, members of unequal length, and what `require_valid`
    refuses.
    """
    image, label = (read_array(members, name, where) for name in ("image.npy", "label.npy"))
    about = read_json(members, where)
    if label.ndim != 1 or label.dtype.kind not in "iu":
        raise DataError(
            f"{where}.label.npy: {label.dtype} of shape {label.shape}; expected integers of shape"
            " (n,)"
        )
    fields = _decode_fields(members, about, where)
    key = _decode_keys(about, len(label), where)
    for name, values in {"image": image, "key": key, **fields}.items():
        if values.ndim == 0 or len(values) != len(label):
            count = len(values) if values.ndim else "no"
            raise DataError(f"{where}: {count} values of {name!r} for {len(label)} labels")
    if about.get("n", len(label)) != len(label):
        raise DataError(f"{where}.json: n {about['n']!r}; label.npy has {len(label)}")
    return require_valid(Chunk(image, label.astype(np.int64, copy=False), key, fields), where)


def _decode_fields(members: Members, about: Mapping, where: str) -> dict[str, np.ndarray]:
    fields = {}
    for name in members:
        if name.endswith(".npy") and name not in ("image.npy", "label.npy"):
            fields[name[: -len(".npy")]] = read_array(members, name, where)
    texts = about.get("fields", {})
    if not isinstance(texts, dict) or not all(isinstance(v, list) for v in texts.values()):
        raise DataError(f"{where}.json: fields that are no lists; expected a value for each image")
    for name, values in texts.items():
        if name in fields:
            raise field_twice(where, name, f"{name}.npy", "json")
        fields[name] = object_array(values)
    if taken := RESERVED & set(fields):
        raise DataError(f"{where}: a field may not be named {', '.join(sorted(taken))}")
    return fields


def _decode_keys(about: Mapping, n: int, where: str) -> np.ndarray:
    """The keys of n images, as `encode_chunk` wrote them."""
    keys = about.get("keys", about.get("first", 0))
    if type(keys) is int and -INT64 <= keys < INT64 - n:
        return np.arange(keys, keys + n)
    if isinstance(keys, list):
        if all(type(key) is int and -INT64 <= key < INT64 for key in keys):
            return np.array(keys, np.int64)
        if all(type(key) is str for key in keys):
            return object_array(keys)
    raise DataError(f"{where}.json: keys {str(keys)[:30]}; expected numbers or texts")
