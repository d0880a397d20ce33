"""Tar archives as shards need them: strict reading from files and pipes, equal bytes in writing.

The standard library's tarfile reads an archive that was cut at a member's end as if it were whole;
here that is an error that names the byte.  Archives one after another (`cat a.tar b.tar`) read as
one.  Nothing is ever extracted to disk.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, Protocol

import numpy as np

from advlib.errors import DataError
from advlib.file_kinds import file_kind

BLOCK = 512
END = bytes(2 * BLOCK)
SKIP = 1 << 20  # bytes read at a time where a pipe cannot seek
TRUSTED = 1 << 26  # bytes for which memory is set aside before any of them has come
EXTENDED = 1 << 20  # bytes of the longest extended header
NAME = re.compile(r"((?:.*/)?[^./][^/.]*)\.([^/]*)", re.DOTALL)  # webdataset's: up to the first dot
TYPES = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
ZEROS = 1 << 26  # bytes of zeros in a row: more than pads any archive, as /dev/zero has


@dataclass(frozen=True)
class Member:
    """A regular file in an archive; `offset`, bytes from the archive's start to its data."""

    name: str
    offset: int
    size: int


def split_name(name: str) -> tuple[str, str] | None:
    """A member's key and field, `a/b.adv.png` as (`a/b`, `adv.png`); None without a field.

    The field begins at the first dot of the base name, as webdataset has it.  It is in lower case,
    but for the names of arrays (`Logits.npy`), which are those of a Chunk's fields.
    """
    found = NAME.fullmatch(name.removeprefix("./"))  # as `tar cf x.tar .` writes them
    if not found:
        return None
    stem, dot, suffix = found[2].rpartition(".")
    suffix = suffix.lower()
    return found[1], (stem if suffix == "npy" else stem.lower()) + dot + suffix


def pack(name: str, size: int) -> bytes:
    """The header of a member: the same for the same name and size, whoever writes it and when.

    Raises DataError where the name does not fit an ustar header (about 100 bytes).
    """
    info = tarfile.TarInfo(name)
    info.size = size
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError as err:
        raise DataError(f"member name {name!r}: {err}; expected a shorter key") from None


def padding(size: int) -> bytes:
    """Zeros that fill the last block of a member."""
    return bytes(-size % BLOCK)


class Readable(Protocol):
    """A binary file that is read from front to back; tell and seek are used if it is seekable."""

    def read(self, count: int, /) -> bytes: ...
    def readinto(self, buffer: memoryview, /) -> int: ...
    def seekable(self) -> bool: ...
    def tell(self) -> int: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class TarReader:
    """The members of an archive in turn, from any binary file, pipes included.

    Iterate for Members; `read()` within the loop gives the data of the current one, once.  Raises
    DataError for what is not a tar archive, ends early, or holds names or members that no shard
    should (absolute, with `..`, links, devices).
    """

    def __init__(self, file: Readable, name: str):
        self.file, self.name = file, name
        self._seekable = file.seekable()
        if self._seekable:
            here = file.tell()
            self._length = file.seek(0, 2) - here
            file.seek(here)
        self.position = 0  # bytes passed
        self.archive = 0  # which of several archives one after another
        self._unread = 0  # bytes of the current member's data
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        path = size = None  # what extended headers say of the member that follows them
        ended = False
        zeros = 0
        while block := self._next_block(ended):
            if not block.strip(b"\0"):
                ended = True
                zeros += BLOCK
                if zeros > ZEROS:
                    raise DataError(f"{self.name}: zeros without end; expected a tar archive")
                continue
            self.archive += ended
            ended = False
            zeros = 0
            info = self._header(block)
            length = info.size if size is None else size
            self._unread, self._padding = length, -length % BLOCK
            if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                path, size = self._extended(path, size)
            elif info.type == tarfile.GNUTYPE_LONGNAME:
                path = self._text().rstrip(b"\0").decode("utf-8", "surrogateescape")
            else:
                name = info.name if path is None else path
                path = size = None
                if info.type not in (tarfile.XGLTYPE, tarfile.DIRTYPE):
                    self._refuse(info.type, name)
                    yield Member(name, self.position, length)

    def read(self) -> np.ndarray:
        """The data of the current member, (size,) uint8, writable."""
        size, at = self._unread, 0
        data = np.empty(min(size, TRUSTED), np.uint8)
        while at < size:
            if at == len(data):  # so much has come, so there may be as much again
                data = np.concatenate([data, np.empty(min(size - at, at), np.uint8)])
            count = self.file.readinto(data[at:].data)
            if not count:
                self._cut(self.position + at)
            at += count
        self.position += at
        self._unread = 0
        return data

    def _next_block(self, ended: bool) -> bytes:
        """The next header, past what is left of the current member; empty at the end."""
        left = self._unread + self._padding
        if left and self._seekable:
            if left > self._length - self.position:
                self._cut(self._length)
            self.file.seek(left, 1)
            self.position += left
            left = 0
        while left:
            count = len(self.file.read(min(left, SKIP)))
            if not count:
                self._cut(self.position)
            left -= count
            self.position += count
        self._unread = self._padding = 0
        block = self.file.read(BLOCK)
        if not block and not self.position:
            raise DataError(f"{self.name}: empty; expected a tar archive")
        if len(block) % BLOCK and not self.position and file_kind(block):
            raise self._no_archive(block)
        if len(block) % BLOCK or not (block or ended):
            self._cut(self.position + len(block))
        self.position += len(block)
        return block

    def _cut(self, at: int) -> NoReturn:
        raise DataError(
            f"{self.name}: ends at byte {at}, before the end mark of a tar archive; was it cut"
            " short?"
        )

    def _header(self, block: bytes) -> tarfile.TarInfo:
        at = self.position - BLOCK
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            if info.size < 0:
                raise tarfile.HeaderError("negative size")
            return info
        except tarfile.HeaderError as err:
            if not at:
                raise self._no_archive(block) from None
            raise DataError(
                f"{self.name}: damaged at byte {at}: {err}; expected a tar header"
            ) from None

    def _no_archive(self, head: bytes) -> DataError:
        """The error of a file that begins as no tar archive does."""
        found = file_kind(head) or "not a tar archive"
        return DataError(f"{self.name}: {found}; expected an uncompressed tar archive")

    def _extended(self, path: str | None, size: int | None) -> tuple[str | None, int | None]:
        """The path and size that a pax header gives to the next member."""
        at, text = self.position, self._text()
        try:
            while text:
                length, _, _ = text.partition(b" ")
                record, text = text[: int(length)], text[int(length) :]
                word, _, value = record[len(length) + 1 : -1].partition(b"=")
                if word == b"path":
                    path = value.decode("utf-8", "surrogateescape")
                elif word == b"size":
                    size = int(value)
                if int(length) <= len(length) or (size or 0) < 0:
                    raise ValueError
        except ValueError:
            raise DataError(f"{self.name}: damaged at byte {at}: bad extended header") from None
        return path, size

    def _text(self) -> bytes:
        """The data of an extended header."""
        if self._unread > EXTENDED:
            raise DataError(
                f"{self.name}: damaged at byte {self.position}: an extended header of"
                f" {self._unread} bytes"
            )
        return bytes(self.read())

    def _refuse(self, kind: bytes, name: str) -> None:
        """Refuse what a shard never holds."""
        if not name.isascii() and name != name.encode("utf-8", "replace").decode():
            raise DataError(f"{self.name}: member {name!r}: the name is not UTF-8 text")
        if kind not in REGULAR:
            found = TYPES.get(kind, f"of type {kind!r}")
            raise DataError(f"{self.name}: {name!r} is {found}; expected regular files")
        if name.startswith("/") or ".." in name.split("/"):
            raise DataError(
                f"{self.name}: member {name!r} points outside its folder; expected plain names"
            )
