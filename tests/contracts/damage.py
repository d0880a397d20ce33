"""Files with something wrong in them: of each kind of file, what is wrong and what makes it."""

import contextlib
import copy
import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

Damaged = Iterator[tuple[str, Callable[[], bytes]]]

VALUES = (
    *("null", "true", '"x"', '""', "[]", "[2]", "{}", '{"x": 1}', "-1", "0", "1", "1.5", '"1"'),
    *("1e308", "-1e308", "1e-320", "1e999", "NaN", "-Infinity", "9" * 400, '"\\u001b[31m\\n"'),
    *("[null]", "[[]]", '"\\ud800"', "1e300", "-1000", "18446744073709551616"),
)
CELLS = (
    *("", "x", "nan", "inf", "-1", "0", "1e308", "1e-320", "1e400", "1_1.5", "１２", '"', "1/0"),
    *("\0", "x" * 300, "\x1b[31m", "9" * 400, " 1 ", "1e", "0x10", "true", "été", "-0", "1e300"),
)
RAW = "\0raw\0"  # stands for raw text in a document


def of_bytes(data: bytes) -> Damaged:
    """Any file: cut off, some bits turned, compressed, followed by more."""
    for size in sorted({0, 1, 7, len(data) // 4, len(data) // 2, max(len(data) - 1, 0)}):
        yield f"{size} of {len(data)} bytes", lambda size=size: data[:size]
    chance = random.Random(len(data))
    for _ in range(12 if data else 0):
        place, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        yield f"bit {bit} of byte {place}", partial(_with, data, place, bytes([data[place] ^ bit]))
    for place in (0, len(data) // 2):
        zeros = bytes(min(512, len(data) - place))
        yield f"zeros at byte {place}", partial(_with, data, place, zeros)
    yield "twice", lambda: data + data
    yield "more behind", lambda: data + b"\0\x1b[31m\xff"
    yield "compressed", lambda: gzip.compress(data, mtime=0)
    yield "zeros", lambda: bytes(1024)
    yield "noise", lambda: random.Random(0).randbytes(1024)
    yield "line feeds", lambda: b"\n" * 20


def _with(data: bytes, place: int, part: bytes) -> bytes:
    return data[:place] + part + data[place + len(part) :]


def of_json(data: bytes) -> Damaged:
    """A document of JSON: each field given values that it cannot have, left out, and doubled."""
    document = json.loads(data)
    for path in _paths(document):
        for text in VALUES:
            yield f"{path} = {text[:30]}", partial(_changed, document, path, text)
        if isinstance(path[-1], str):
            yield f"{path} left out", partial(_changed, document, path, None)
            old = json.dumps(_at(document, path))
            yield (
                f"{path} doubled",
                partial(_changed, document, path, f'{old}, "{path[-1]}": {old}'),
            )
    yield "an unknown field", partial(_changed, document, ("unknown",), '"x"')
    yield "deep", lambda: b'{"format": ' + b"[" * 100_000
    yield "a list", lambda: b"[" + data + b"]"
    for coding in ("utf-16", "utf-8-sig", "utf-32"):
        yield coding, lambda coding=coding: data.decode().encode(coding)
    yield "lines of Windows", lambda: data.replace(b"\n", b"\r\n")
    yield "zeros between", lambda: data.replace(b",", b",\0")


def _paths(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where each field stands; of a list, its first element's alone."""
    if isinstance(value, dict):
        inside = list(value.items())
    else:
        inside = list(enumerate(value[:1])) if isinstance(value, list) else []
    for key, part in inside:
        yield (*path, key)
        yield from _paths(part, (*path, key))


def _at(document: Any, path: tuple) -> Any:
    for key in path:
        document = document[key]
    return document


def _changed(document: Any, path: tuple, text: str | None) -> bytes:
    """A document with a field of the text, or without it."""
    new = copy.deepcopy(document)
    parent = _at(new, path[:-1])
    if text is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = RAW
    return json.dumps(new).replace(json.dumps(RAW), text or "").encode()


def of_json_lines(data: bytes) -> Damaged:
    """A log: as of JSON, of each line."""
    lines = data.splitlines(keepends=True)

    def made(i: int, change: Callable[[], bytes]) -> bytes:
        return b"".join([*lines[:i], change(), *lines[i + 1 :]])

    for i, line in enumerate(lines):
        yield f"without line {i + 1}", partial(made, i, bytes)
        yield f"line {i + 1} twice", partial(made, i, partial(bytes, line * 2))
        for name, change in of_json(line):
            yield f"line {i + 1}: {name}", partial(made, i, change)


def of_csv(data: bytes) -> Damaged:
    """A table: columns left out, doubled and renamed, cells that cannot be, other forms of text."""
    header, *rows = [line.split(",") for line in data.decode().splitlines()]

    def made(table: list[list[str]]) -> Callable[[], bytes]:
        return lambda: "".join(",".join(row) + "\n" for row in table).encode()

    def coded(text: str, coding: str = "utf-8") -> Callable[[], bytes]:
        return lambda: text.encode(coding)

    for i, name in enumerate(header):
        yield f"without {name}", made([row[:i] + row[i + 1 :] for row in (header, *rows)])
        yield f"{name} twice", made([[*row, row[i]] for row in (header, *rows)])
        yield f"{name} renamed", made([[*header[:i], "other", *header[i + 1 :]], *rows])
        names = not rows[0][i].replace(".", "").replace("+", "").replace("e", "").isdigit()
        for cell in (cell for cell in CELLS if not (names and cell in ("nan", "inf"))):
            first, last = ([*row[:i], cell, *row[i + 1 :]] for row in (rows[0], rows[-1]))
            yield f"{name} = {cell[:20]!r}", made([header, first, *rows[1:]])
            yield f"last {name} = {cell[:20]!r}", made([header, *rows[:-1], last])
            if cell in ("", "1e308", "1e-320", "0", "1", "nan"):
                whole = [[*row[:i], cell, *row[i + 1 :]] for row in rows]
                yield f"all {name} = {cell!r}", made([header, *whole])
    text = data.decode()
    yield "a header alone", made([header])
    for count in (1, 2, 3):
        yield f"{count} rows", made([header, *rows[:count]])
    yield "rows alone", made(rows)
    yield "a cell more", made([header, [*rows[0], "1"], *rows[1:]])
    yield "a cell less", made([header, rows[0][:-1], *rows[1:]])
    yield "an empty line", made([header, [], *rows])
    yield "a row twice", made([header, rows[0], *rows])
    yield "a long line", made([header, ["x" * (1 << 21)], *rows])
    yield "an open quote", made([header, ['"', *rows[0][1:]], *rows[1:]])
    yield "lines of Windows", coded(text.replace("\n", "\r\n"))
    yield "lines of old", coded(text.replace("\n", "\r"))
    yield "semicolons", coded(text.replace(",", ";"))
    yield "tabs", coded(text.replace(",", "\t"))
    for coding in ("utf-16", "utf-8-sig", "utf-32"):
        yield coding, coded(text, coding)
    yield "Latin-1", coded(text.replace("e", "é"), "latin-1")


def of_checkpoint(data: bytes) -> Damaged:
    """safetensors: as of JSON, of the header, and lengths of the header that cannot be."""
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    about = {key: header[key] for key in ("__metadata__", *list(header)[:3]) if key in header}
    rest = {key: value for key, value in header.items() if key not in about}
    tensors = data[8 + size :]

    def made(change: Callable[[], bytes]) -> bytes:
        text = change()
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            text = json.dumps(json.loads(text) | rest).encode()
        return struct.pack("<Q", len(text)) + text + tensors

    for name, change in of_json(json.dumps(about).encode()):
        yield name, partial(made, change)
    for wrong in (0, 2, size - 1, size + 1, len(data), 2**31, 2**63, 2**64 - 1):
        yield f"header of {wrong} bytes", partial(_with, data, 0, struct.pack("<Q", wrong))
    for value in (np.nan, np.inf, 3e38, 1e-45):
        filled = np.full(len(tensors) // 4, value, np.float32)
        yield f"all {value}", partial(_with, data, 8 + size, filled.tobytes())


ARRAYS = {
    "objects": np.array([{}, None], dtype=object),
    "text": np.array(["a", "b"]),
    "not a number": np.full((24, 8, 8, 3), np.nan),
    "below 0": np.full((24, 8, 8, 3), -1.0),
    "far": np.full((24, 8, 8, 3), 1e30),
    "no dimension": np.array(5),
    "empty": np.zeros((0, 8, 8, 3), np.uint8),
    "too few": np.zeros((2, 8, 8, 3), np.uint8),
    "wide": np.zeros((24, 8, 8, 3), np.uint16),
    "yes or no": np.zeros((24, 8, 8, 3), bool),
    "other channels": np.zeros((24, 8, 8, 5), np.uint8),
    "complex": np.zeros((24, 8, 8, 3), complex),
    "labels": np.full(24, 2**40),
    "labels below 0": np.full(24, -1),
    "labels not a number": np.full(24, np.nan),
    "labels in halves": np.arange(24) / 2,
    "fields": np.zeros(24, [("a", int)]),
    "dates": np.zeros(24, "datetime64[s]"),
}


def arrays() -> Damaged:
    """npy files that are no images and no labels."""
    for name, array in ARRAYS.items():
        yield name, partial(_npy, array)
    head = "{'descr': '%s', 'fortran_order': False, 'shape': (%s)}"
    for kind, shape in (("|u1", "10**9,"), ("|u1", f"{10**12},"), ("|u1", "-1,"), ("|O", "3,")):
        text = (head % (kind, shape)).ljust(117) + "\n"
        head_alone = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()
        yield f"{kind} {shape}", partial(bytes, head_alone)


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


Member = tuple[str, Callable[[], bytes] | None]  # of an archive: name and content; None for a link


def of_zip(data: bytes) -> Damaged:
    """npz, and files of torch.save: each member left out, renamed, and with other content."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [(name, partial(bytes, file.read(name))) for name in file.namelist()]
    for i, (name, content) in enumerate(members[:6]):
        before, after = members[:i], members[i + 1 :]
        for what, change in arrays() if name.endswith(".npy") else of_bytes(content()):
            yield f"{name}: {what}", partial(_zip, [*before, (name, change), *after])
        yield f"without {name}", partial(_zip, before + after)
        yield f"{name} renamed", partial(_zip, [*before, ("other.npy", content), *after])


def _zip(members: list[tuple[str, Callable[[], bytes]]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content())
    return file.getvalue()


def of_tar(data: bytes) -> Damaged:
    """A shard: each of its first members left out, doubled, renamed, and with other content."""
    members: list[Member] = []
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        for info in file:
            content = file.extractfile(info)
            assert content is not None
            members.append((info.name, partial(bytes, content.read())))
    yield "reversed", partial(_tar, members[::-1])
    yield "a link", partial(_tar, [*members, ("link", None)])
    for i, (name, make) in enumerate(members[:4]):
        before, after = members[:i], members[i + 1 :]
        yield f"without {name}", partial(_tar, before + after)
        yield f"{name} twice", partial(_tar, [*before, (name, make), (name, make), *after])
        yield f"{name} as a link", partial(_tar, [*before, (name, None), *after])
        for other in ("../x.json", "/x.npy", "\x1b[31m.npy", "x" * 300, f"{name}.x", "a\nb.json"):
            yield f"{name} as {other[:20]!r}", partial(_tar, [*before, (other, make), *after])
        assert make is not None
        for what, change in [*_in_member(name, make()), *of_bytes(make())]:
            yield f"{name}: {what}", partial(_tar, [*before, (name, change), *after])


def _in_member(name: str, content: bytes) -> Damaged:
    if name.endswith(".npy"):
        yield from arrays()
    elif content[:1] == b"{":
        yield from of_json(content)


def _tar(members: list[Member]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, make in members:
            info, content = tarfile.TarInfo(name), make() if make else b""
            info.size = len(content)
            if make is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


OF_SUFFIX = {
    ".json": of_json,
    ".jsonl": of_json_lines,
    ".csv": of_csv,
    ".st": of_checkpoint,
    ".safetensors": of_checkpoint,
    ".npz": of_zip,
    ".pt": of_zip,
    ".tar": of_tar,
}
