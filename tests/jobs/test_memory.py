"""Running out of memory is one error, whoever says it."""

import pytest
import torch

from advlib.errors import CannotError
from advlib.jobs.memory import enough_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't"
            " allocate memory: you tried to allocate 400 bytes."
        ),
        RuntimeError("could not create a primitive"),
        RuntimeError("std::bad_alloc"),
        type("PanicException", (BaseException,), {})("PyObject pointer is null"),
    ],
)
def test_all_ways_to_run_out_of_memory_are_one_error(error):
    with pytest.raises(CannotError, match=r"^too much$"), enough_memory("too much"):
        raise error


def test_other_errors_are_not_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), enough_memory("too much"):
        raise RuntimeError("shapes differ")
