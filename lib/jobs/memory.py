"""Running out of memory, which Python and torch say in many ways, as one error."""

import contextlib
import re
from collections.abc import Iterator

from advlib.errors import CannotError

KINDS = ("MemoryError", "OutOfMemoryError")
# How others say it: torch's allocator on CPUs, the C++ library, oneDNN, which finds no room for the
# code of a convolution, CUDA, and safetensors
SAID = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|bad_alloc"
    r"|could not create a (primitive|memory object)$"
    r"|CUDA error: out of memory|STATUS_ALLOC_FAILED|PyObject pointer is null"
)


def ran_out(err: BaseException) -> bool:
    """Whether an error says that there was no memory left."""
    return type(err).__name__ in KINDS or bool(SAID.search(str(err)))


@contextlib.contextmanager
def enough_memory(message: str) -> Iterator[None]:
    """Raise CannotError(message) where memory ends within the block, on a CPU or a GPU.

    message: one line: what did not fit, and what to try.
    """
    try:
        yield
    except BaseException as err:  # the panics of safetensors are no Exception
        if not ran_out(err):
            raise
        raise CannotError(message) from err
