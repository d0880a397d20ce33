"""Arrays in NumPy's .npy form, from and to memory without copies; never pickles."""

import io

import numpy as np

from advlib.errors import DataError

VERSIONS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


def decode(data: np.ndarray, where: str) -> np.ndarray:
    """The array that the bytes `data` (size,) uint8 hold, as a view of them.

    Raises DataError, beginning with `where`, for what is no .npy, is cut short, holds Python
    objects (pickles), or is in Fortran order.
    """
    head = io.BytesIO(data[:4096].tobytes())
    try:
        version = np.lib.format.read_magic(head)
        read = getattr(np.lib.format, VERSIONS[version])
        shape, fortran, dtype = read(head)
    except KeyError:
        raise DataError(f"{where}: .npy of a version unknown here; expected 1.0 or 2.0") from None
    except (ValueError, SyntaxError, TypeError, EOFError, OverflowError):
        raise DataError(f"{where}: not an array in .npy form") from None
    if dtype.hasobject:
        raise DataError(f"{where}: holds pickled Python objects, which are never read")
    if fortran and len(shape) > 1:
        raise DataError(f"{where}: in Fortran order; expected C order")
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    body = data[head.tell() :]
    if len(body) != size:
        raise DataError(f"{where}: {len(body)} bytes of data; expected {size} for shape {shape}")
    return body.view(dtype).reshape(shape) if size else np.empty(shape, dtype)


def encode(array: np.ndarray) -> tuple[bytes, memoryview]:
    """Header and data of an array's .npy form; the data is not copied if it is in C order."""
    array = np.ascontiguousarray(array)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    return head.getvalue(), memoryview(array.reshape(-1).view(np.uint8))
