"""Arrays in NumPy's .npy form, from and to memory without copies; never pickles."""

import functools
import io
import math
import tokenize
import warnings

import numpy as np

from advlib.errors import DataError

LONGEST = 1 << 16  # bytes of a header
VERSIONS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


def decode(data: np.ndarray, where: str) -> np.ndarray:
    """The array that the bytes `data` (size,) uint8 hold, as a view of them.

    Raises DataError, beginning with `where`, for what is no .npy, is cut short, holds Python
    objects (pickles) or anything but numbers and truth values, or is in Fortran order.
    """
    try:
        begin, shape, fortran, dtype = _header(data[: header_size(data)].tobytes())
    except KeyError:
        raise DataError(f"{where}: .npy of a version unknown here; expected 1.0 or 2.0") from None
    except (
        ValueError,
        SyntaxError,
        TypeError,
        EOFError,
        OverflowError,
        RecursionError,
        MemoryError,
        tokenize.TokenError,
    ):
        raise DataError(f"{where}: not an array in .npy form") from None
    if dtype.hasobject:
        raise DataError(f"{where}: holds pickled Python objects, which are never read")
    if dtype.kind not in "biuf":
        raise DataError(f"{where}: {dtype}; expected numbers or truth values")
    if fortran and len(shape) > 1:
        raise DataError(f"{where}: in Fortran order; expected C order")
    size = math.prod(shape) * dtype.itemsize
    body = data[begin:]
    if len(body) != size:
        raise DataError(f"{where}: {len(body)} bytes of data; expected {size} for shape {shape}")
    try:
        return body.view(dtype).reshape(shape)
    except ValueError:  # of no values, but with more or longer sides than an array can have
        raise DataError(f"{where}: of impossible shape {shape}") from None


def header_size(data: np.ndarray) -> int:
    """Bytes of the magic string, the header's length and the header, by the first 12 of them.

    64 KiB at most: no array has a longer header, for which NumPy would make room.
    """
    wide = 4 if len(data) > 6 and data[6] > 1 else 2  # version 2 has a longer length
    return min(8 + wide + int.from_bytes(data[8 : 8 + wide].tobytes(), "little"), LONGEST)


@functools.lru_cache(maxsize=1024)  # the chunks of a set have few headers, and parsing takes long
def _header(head: bytes) -> tuple[int, tuple[int, ...], bool, np.dtype]:
    file = io.BytesIO(head)
    read = getattr(np.lib.format, VERSIONS[np.lib.format.read_magic(file)])
    with warnings.catch_warnings(action="ignore"):  # Python's, of the damaged source text it sees
        shape, fortran, dtype = read(file)
    if any(side < 0 for side in shape):
        raise ValueError("negative shape")
    return file.tell(), shape, fortran, dtype


def encode(array: np.ndarray) -> tuple[bytes, memoryview]:
    """Header and data of an array's .npy form; the data is not copied if it is in C order."""
    array = np.asarray(array, order="C")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    return head.getvalue(), array.reshape(-1).view(np.uint8).data
