"""JSON as it is read, held to more than Python's reader asks: what it takes can be computed with.

Source: RFC 8259; RFC 7493 (I-JSON) for names that are unique, numbers of float64, whole characters.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

from advlib.errors import DataError


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text, in UTF-8 if it is bytes.

    Raises ValueError, saying what is wrong, for what is not JSON: NaN and infinities, numbers that
    float64 cannot hold, a name twice in an object, half a character, nesting without end.
    """
    whole = text if isinstance(text, str) else text.decode("utf-8-sig")
    value, end = parse_first_json(whole)
    if rest := whole[end:].strip():
        raise ValueError(f"more behind its end: {rest[:20]!r}")
    return value


def parse_first_json(text: str, start: int = 0) -> tuple[Any, int]:
    """The value of the JSON text that begins at `start`, after spaces, and where it ends.

    Raises as `parse_json`.
    """
    while start < len(text) and text[start].isspace():
        start += 1
    try:
        value, end = DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\ud" in text[start:end].lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair in a text") from None
    return value, end


def read_document(
    file: BinaryIO, name: str, form: str, version: int, expected: str
) -> dict[str, Any]:
    """The JSON document in a file, if its `format` and `version` are these.

    name: of the file, expected: what it should be, both for messages.
    Raises DataError where it is another, or none.
    """
    try:
        found = parse_json(file.read())
    except ValueError as err:
        raise DataError(f"{name}: not JSON: {err}; expected {expected}") from None
    kind = found.get("format") if isinstance(found, dict) else type(found).__name__
    if kind != form:
        raise DataError(f"{name}: found format {kind!r:.20}; expected {expected}")
    if found.get("version") != version:
        raise DataError(f"{name}: version {found.get('version')!r:.20}; expected {version}")
    return found


def difference(found: Mapping, wanted: Mapping) -> str:
    """In words, the first setting in which two jobs, as JSON, differ; "" where none does."""
    for key in dict.fromkeys([*wanted, *found]):
        its, mine = found.get(key), wanted.get(key)
        if isinstance(its, dict) and isinstance(mine, dict):
            if inner := difference(its, mine):
                return inner
        elif its != mine:
            return f"with {key} {its}; this one has {mine}"
    return ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} comes twice")
    return found


def _whole(text: str) -> int:
    number = int(text) if len(text) < 400 else 10**400
    _in_float64(text, float(number) if abs(number) < 2**1023 else math.inf)
    return number


def _float(text: str) -> float:
    return _in_float64(text, float(text))


def _in_float64(text: str, number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(
            f"{text:.20}{'...' * (len(text) > 20)} is larger than any number of float64"
        )
    return number


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_float, parse_constant=_constant
)
