"""Tensors of a TorchScript archive, read without running the code in it.

Such an archive is a zip file: data.pkl, a pickle of the module whose classes are in code/, and the
numbers of each tensor under data/.  Of the pickle only its structure is taken: whatever class or
function it names, nothing but a stand-in is made.
"""

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.generators.restricted_pickle import STORAGES

PICKLE = "data.pkl"
LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")


class _Object:
    """Stands in for an object of a class in the archive; keeps its attributes."""

    attributes: Any = None

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


class _Storage:
    """Stands for a type of storage: which numbers it holds."""

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype


def is_torchscript(path: str) -> bool:
    """Whether a file is such an archive; of torch's other zip files, none has code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return any("/code/" in name for name in names) and any(n.endswith("/" + PICKLE) for n in names)


def read_tensors(path: str) -> dict[str, Tensor]:
    """All tensors by their names, as layers.conv.weight, in the order of registration.

    Raises DataError for an archive that is damaged, or whose pickle names what no module has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/" + PICKLE))
            with archive.open(name) as file:
                reader = _Reader(file.read(), archive, name.removesuffix(PICKLE))
            return dict(_named(reader.load()))
    except DataError as err:
        raise DataError(f"{path}: {err}") from None
    except (OSError, MemoryError):
        raise
    except Exception as err:  # of many kinds, on bytes that are no pickle
        raise DataError(f"{path}: damaged or cut short: {type(err).__name__}: {err}") from None


class _Reader(pickle.Unpickler):
    """Makes stand-ins and tensors."""

    def __init__(self, data: bytes, archive: zipfile.ZipFile, folder: str):
        super().__init__(io.BytesIO(data))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "__torch__":
            return type(name, (_Object,), {})
        if module == "torch" and name in STORAGES:
            return _Storage(STORAGES[name])
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch.jit._pickle" and name in LISTS:
            return list
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return lambda value, tag: value
        raise DataError(f"names {module}.{name}, which was not run; expected a module's weights")

    def persistent_load(self, found: Any) -> Tensor:
        """The numbers of one tensor or more, flat."""
        kind, storage, key, _, count = found
        if kind != "storage" or not isinstance(storage, _Storage):
            raise DataError(f"holds a {kind!r}; expected storages")
        data = self._archive.read(f"{self._folder}data/{key}")
        if len(data) != int(count) * storage.dtype.itemsize:
            raise DataError(f"storage {key}: {len(data)} bytes for {count} of {storage.dtype}")
        return torch.frombuffer(bytearray(data), dtype=storage.dtype) if data else torch.empty(0)


def _tensor(storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    """A tensor within a storage."""
    steps = zip(size, stride, strict=True)
    last = offset + sum((length - 1) * step for length, step in steps)
    if math.prod(size) and (min((offset, *size, *stride)) < 0 or last >= len(storage)):
        raise DataError(f"a tensor of shape {tuple(size)} goes beyond its storage")
    return storage.as_strided(size, stride, offset).clone()


def _named(value: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors within an object, with their names."""
    if isinstance(value, Tensor):
        yield prefix, value
    elif isinstance(value, _Object) and isinstance(value.attributes, dict):
        for name, item in value.attributes.items():
            yield from _named(item, f"{prefix}.{name}" if prefix else str(name))
