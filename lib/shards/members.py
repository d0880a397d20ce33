"""The members of a sample: key and field by name, which are refused, their JSON and arrays.

A sample is what webdataset calls so: the members of an archive with one key, one after another.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.shards import npy
from advlib.shards.constants import RESERVED
from advlib.shards.tar import split_name

Members: TypeAlias = Mapping[str, np.ndarray]  # field to bytes (size,) uint8
Buffers: TypeAlias = list[bytes | memoryview]  # of a member, to be written one after another

PICKLED = frozenset({"pickle", "pkl", "pyd", "pth", "pt", "joblib", "dill"})
MOST_JSON = 1 << 26  # bytes of a member
FIELD = re.compile(r"[A-Za-z_]\w*")


def layout_of(fields: Iterable[str]) -> str:
    """Which layout a sample with these fields has."""
    return "chunk" if {"image.npy", "label.npy"} <= set(fields) else "sample"


def key_and_field(name: str, archive: str) -> tuple[str, str] | None:
    """Key and field of the member `name` of an archive; None for one that holds no field.

    Raises DataError for fields that are pickled, and for those that a dot in a key made.
    """
    parts = split_name(name)
    if parts is None:
        return None
    stem, _, suffix = parts[1].rpartition(".")
    if suffix in PICKLED:
        raise DataError(f"{archive}: {name!r}: a pickled field, which is never read")
    if stem and not all(FIELD.fullmatch(part) for part in stem.split(".")):
        raise DataError(
            f"{archive}: {name!r}: a key may hold no dot; the field would be {parts[1]!r}"
        )
    return parts


def duplicate_member(archive: str, name: str) -> DataError:
    """The error of a member that its sample has already."""
    return DataError(f"{archive}: member {name!r} comes twice; is a key used for two images?")


def field_twice(where: str, name: str, *members: str) -> DataError:
    """The error of a sample whose members say two things of one field."""
    return DataError(f"{where}: {' and '.join(members)} both say {name}; expected one of them")


def check_field_names(names: Iterable[str]) -> None:
    """Refuse, before they are written, fields whose names a layout uses or a member cannot bear."""
    for name in names:
        if not FIELD.fullmatch(name) or name in RESERVED or name in ("png", "cls", "json", "adv"):
            raise DataError(
                f"field {name!r}: expected a name of letters, digits and _, and none of"
                f" {', '.join(sorted(RESERVED))}"
            )


def read_array(members: Members, field: str, where: str) -> np.ndarray:
    """Refuse, before they are written, fields whose names a layout uses or a member cannot have."""
    if field not in members:
        raise DataError(f"{where}: field {field} is missing; found {', '.join(members)}")
    return npy.decode(members[field], f"{where}.{field}")


def read_json(members: Members, where: str) -> dict[str, Any]:
    """The object of the member `json`, empty without it; DataError, beginning with `where`."""
    if "json" not in members:
        return {}
    found = decode_json(members["json"], f"{where}.json")
    if not isinstance(found, dict):
        raise DataError(f"{where}.json: found {type(found).__name__}; expected an object")
    return found


def decode_json(data: np.ndarray, where: str) -> Any:
    """The value that the bytes `data` (size,) uint8 are JSON of; DataError beginning with `where`.

    As Python objects it takes up to some 30 times their room.
    """
    if len(data) > MOST_JSON:
        raise DataError(f"{where}: {len(data)} bytes of JSON; expected at most {MOST_JSON}")
    try:
        return parse_json(data.tobytes())
    except ValueError as err:
        raise DataError(f"{where}: not JSON: {err}") from None


def encode_json(value: Any, separators: tuple[str, str] | None = (",", ":")) -> bytes:
    """The bytes of a member `json`: short.

    DataError for what JSON has not: NaN, infinity, and half a character in a text, as of a file's
    name that is no UTF-8.
    """
    try:
        text = json.dumps(value, separators=separators, allow_nan=False)
    except ValueError:
        raise DataError(
            "a field of lists or of mixed values holds NaN or infinity, which JSON has not;"
            " expected finite numbers, or an array of floats"
        ) from None
    if "\\ud" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as err:
            found = err.object[max(err.start - 9, 0) : err.end + 9]
            raise DataError(
                f"{found!r} is no UTF-8 text, as keys, fields and class names are"
            ) from None
    return text.encode()
