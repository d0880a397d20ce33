"""Running out of memory, which is said in many ways, as one error; keeping what is freed."""

import contextlib
import ctypes
import platform
import re
from collections.abc import Iterator

from advlib.errors import CannotError

OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError")  # types of exceptions, Python's and torch's
# How others say it: torch's allocator on CPUs, the C++ library, oneDNN, which finds no room for the
# code of a convolution, CUDA, and safetensors
MESSAGES = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|bad_alloc"
    r"|could not create a (primitive|memory object)$"
    r"|CUDA error: out of memory|STATUS_ALLOC_FAILED|PyObject pointer is null"
)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error says that there was no memory left."""
    return type(err).__name__ in OUT_OF_MEMORY or bool(MESSAGES.search(str(err)))


@contextlib.contextmanager
def enough_memory(message: str) -> Iterator[None]:
    """Raise CannotError(message) where memory ends within the block, on a CPU or a GPU.

    message: one line: what did not fit, and what to try.
    """
    try:
        yield
    except BaseException as err:  # the panics of safetensors are no Exception
        if not is_out_of_memory(err):
            raise
        raise CannotError(message) from err


def keep_memory() -> None:
    """Have the C library keep freed memory for the next step instead of giving it back.

    Activations of megabytes are freed and taken again at every layer; on CPUs their pages would be
    mapped and cleared anew each time.  Only glibc knows these settings; elsewhere nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 25)  # the most that glibc takes
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
