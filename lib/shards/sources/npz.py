"""`.npz` files of `image` and `label`, read in order without ever loading an array whole.

Published synthetic sets are such files, of up to 150 GB; NumPy itself would load them.
"""

import contextlib
import errno
import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.lib import format as npy

from advlib.errors import DataError
from advlib.file_kinds import ZIP, path_kind
from advlib.shards.chunk import Chunk
from advlib.shards.constants import IMAGES_PER_CHUNK
from advlib.shards.image_size import images_at_once
from advlib.shards.npy import header_size
from advlib.shards.sources.image_label import KEYS, as_labels, check_image, check_keys, check_label
from advlib.shards.sources.source import FileForm, file_identity, spans

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of np.savez and np.savez_compressed
LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member; lengths of name and extra field
START = 12  # bytes of an array, in which is how long its header is
ENCRYPTED = 1  # bit of a zip member's flags


@dataclass(frozen=True)
class _Array:
    """An array in the archive: its zip member, and what its header says.  Rows are in C order."""

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype
    header: int  # bytes before the values

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def stream(self, archive: zipfile.ZipFile, start: int) -> io.BufferedIOBase:
        """The bytes from row `start` on.

        From the first row on, zipfile compares the checksum at the end, so a whole reading is a
        checked one.
        """
        at = self.header + start * self.row
        if start and self.info.compress_type == zipfile.ZIP_STORED:
            # zipfile before Python 3.13 reads all that it skips
            assert archive.filename is not None, "it is opened by name"
            file = open(archive.filename, "rb")  # noqa: SIM115
            file.seek(self.info.header_offset)
            name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
            file.seek(name + extra + at, 1)
            return file
        stream = cast(zipfile.ZipExtFile, archive.open(self.info))
        stream.seek(at)
        return stream

    def read(self, stream: io.BufferedIOBase, rows: int, ends: bool) -> np.ndarray:
        """The next rows (rows, ...); `ends` where they are the last."""
        out = np.empty((rows, *self.shape[1:]), self.dtype)
        if stream.readinto(out.view(np.uint8).reshape(-1).data) != out.nbytes:
            raise EOFError
        if ends:
            stream.read(1)  # reach the end, where the checksum is compared
        return out


@dataclass(frozen=True, eq=False)
class NpzSource:
    """An .npz file as a Source; made by open_npz."""

    path: Path
    identity: dict
    image: _Array
    label: _Array
    class_names = None  # not in such files

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def count(self) -> int:
        return self.image.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.image.shape[1:]

    def chunks(self, start: int = 0, size: int = IMAGES_PER_CHUNK) -> Iterator[Chunk]:
        with contextlib.ExitStack() as stack:
            with _naming(self.path):
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                images = stack.enter_context(self.image.stream(archive, start))
                labels = stack.enter_context(self.label.stream(archive, start))
            for begin, end in spans(start, self.count, images_at_once(self.shape, size)):
                with _naming(self.path, f" within images {begin} to {end - 1}"):
                    image = self.image.read(images, end - begin, end == self.count)
                    label = self.label.read(labels, end - begin, end == self.count)
                yield Chunk(image, as_labels(self.path, label, begin), np.arange(begin, end))


def open_npz(path: Path) -> NpzSource:
    """The arrays `image` (n, height, width, 1 or 3) uint8 and `label` (n,) of integers >= 0.

    Only the headers are read here.  Raises DataError where the file is no zip archive, is cut short
    or lacks an array, or an array is of another form.
    """
    identity = file_identity(path)
    if (found := path_kind(path)) not in ("", ZIP):
        raise DataError(f"{path}: {found}; expected .npz")
    with _naming(path), zipfile.ZipFile(path) as archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name in KEYS and name in members:
                raise DataError(f"{path}: {name} comes twice; expected it once")
            members[name] = info
        check_keys(path, list(members))
        image, label = (_array(path, archive, key, members[key]) for key in KEYS)
    check_image(path, image.shape, image.dtype)
    check_label(path, label.shape, label.dtype, image.shape[0])
    for key, array in (("image", image), ("label", label)):
        size = array.header + array.shape[0] * array.row
        if array.info.file_size != size:
            raise DataError(f"{path}: {key} takes {array.info.file_size} bytes; expected {size}")
    return NpzSource(path, identity, image, label)


def _array(path: Path, archive: zipfile.ZipFile, key: str, info: zipfile.ZipInfo) -> _Array:
    if info.compress_type not in METHODS or info.flag_bits & ENCRYPTED:
        raise DataError(f"{path}: {key} is encrypted or not stored or deflated, as np.savez writes")
    with archive.open(info) as packed:
        start = packed.read(START)
        stream = io.BytesIO(start + packed.read(header_size(np.frombuffer(start, np.uint8))))
        try:
            # version 3 differs from 2 in the encoding of field names, of which there are none here
            first = npy.read_magic(stream) == (1, 0)
            read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
            shape, fortran, dtype = read(stream)
        except (ValueError, SyntaxError, tokenize.TokenError) as err:
            raise DataError(f"{path}: {key} is no NumPy array: {err}") from None
        header = stream.tell()
    if fortran and len(shape) > 1:
        raise DataError(f"{path}: {key} is in Fortran order; expected C order")
    return _Array(info, shape, dtype, header)


@contextlib.contextmanager
def _naming(path: Path, where: str = "") -> Iterator[None]:
    """DataError of the file for what zipfile and zlib raise on broken archives."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        ValueError,
        OSError,
    ) as err:
        # zipfile seeks to impossible places where the archive's directory is broken
        if isinstance(err, OSError) and err.errno != errno.EINVAL:
            raise
        reason = str(err) or "ends too early"
        raise DataError(f"{path}: broken or cut short{where} ({reason}); expected .npz") from None


FORM = FileForm(
    expected="an .npz file",
    matches=lambda path: path.suffix.lower() == ".npz" and path.is_file(),
    open=lambda path, split, class_names: open_npz(path),
)
