"""Pickles of NVIDIA's and related training code, read without running anything in them.

A pickle names functions that its reader calls.  Here each name that such files hold stands for a
function of this file that keeps data and no more; any other name is refused, also in the pickles
within a pickle in which storages lie.

    .pkl   a plain pickle of persistent objects, each with its source code, which is dropped
    .pt    what torch.save wrote, as a zip archive or in its older form
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from advlib.errors import DataError
from advlib.file_kinds import PICKLE, ZIP, path_kind

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch's older form
STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


@dataclass
class Kept:
    """An object of a class that is not imported: its class's name, and its state as it was."""

    class_name: str = ""
    state: dict[str, Any] = field(default_factory=dict)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise ValueError("a state that is no dictionary")
        self.state = state


class _Dictionary(dict):
    """A dictionary with attributes, which are its items."""

    def __setstate__(self, state: Any) -> None:
        pass


class _NumberType:
    """A NumPy type of numbers."""

    def __init__(self, code: Any = "", *rest: Any):
        if not (isinstance(code, str) and code.lstrip("<|=")[:1] in set("biuf") and len(code) < 5):
            raise ValueError(f"numbers of type {code!r:.20}")
        self.type = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        pass


def read_pickle(path: str | Path) -> Any:
    """The object in a .pkl or .pt file: dictionaries, lists, numbers, texts, tensors, and Kept.

    Raises DataError, one line, for what is no such file, damaged, or names anything else, none of
    which is run; OSError where it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if (kind := path_kind(path)) not in ("", ZIP, PICKLE):
        raise DataError(f"{path}: {kind}; expected a generator's pickle")
    with path.open("rb") as file:
        start = file.read(14)
        file.seek(0)
        try:
            if start.startswith(b"PK"):
                return _read_zip(file, size)
            if MAGIC.to_bytes(10, "little") in start:
                return _read_older(file, size)
            return _Reader(file).load()
        except _RefusedError as err:
            raise DataError(f"{path}: {err}; nothing of it was run") from None
        except OSError:
            raise
        except Exception as err:  # of many kinds, on bytes that are no such file
            why = " ".join(str(err).split())[:100] or type(err).__name__
            raise DataError(
                f"{path}: no generator's pickle, or damaged or cut short: {why}"
            ) from None


class _RefusedError(Exception):
    """A pickle names what these files do not hold."""


class _Reader(pickle.Unpickler):
    """Reads a pickle whose names are those of ALLOWED.

    storage: of a reference in torch's files, gives the storage, a tensor (n,).
    """

    def __init__(self, file: BinaryIO, storage: Callable[[Any], Tensor] | None = None):
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        found = ALLOWED.get((module, name))
        if module == "torch" and name in STORAGES:
            found = STORAGES[name]
        if found is None:
            raise _RefusedError(f"names {module}.{name}, which is not of such a file")
        return found

    def persistent_load(self, pid: Any) -> Any:
        if self._storage is None:
            raise pickle.UnpicklingError("a reference outside the pickle")
        if isinstance(pid, tuple) and len(pid) == 4 and pid[:2] == ("module", Kept):
            return Kept  # torch's older form keeps the source of classes of modules
        return self._storage(pid)


def _read_zip(file: BinaryIO, size: int) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        inner = next((name for name in names if name.endswith("data.pkl")), None)
        if inner is None:
            raise ValueError("a zip archive without data.pkl, which torch.save puts there")
        folder = inner.removesuffix("data.pkl")
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("compressed, which torch does not do")
        if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("not little-endian")
        known: dict[str, Tensor] = {}

        def storage(pid: Any) -> Tensor:
            kind, key, count = _reference(pid)
            if key not in known:
                data = bytearray(archive.read(f"{folder}data/{key}"))
                known[key] = _numbers(data, kind, count)
            return known[key]

        return _Reader(io.BytesIO(archive.read(inner)), storage).load()


def _read_older(file: BinaryIO, size: int) -> Any:
    """What torch.save wrote in its older form: five pickles, and then the storages."""
    if _Reader(file).load() != MAGIC or _Reader(file).load() != PROTOCOL:
        raise ValueError("not of torch's older form")
    about = _Reader(file).load()
    if not about.get("little_endian", True):
        raise ValueError("not little-endian")
    made: dict[str, Tensor] = {}

    def storage(pid: Any) -> Tensor:
        kind, key, count = _reference(pid)
        if count * kind.itemsize > size:
            raise ValueError(f"a storage of {count} numbers in {size} bytes")
        return made.setdefault(key, torch.empty(count, dtype=kind))

    found = _Reader(file, storage).load()
    for key in _Reader(file).load():
        values = made[key]
        count = int.from_bytes(file.read(8), "little")
        if count != len(values):
            raise ValueError(f"a storage of {count} numbers; expected {len(values)}")
        view = values.view(torch.uint8).numpy() if count else np.empty(0, np.uint8)
        if file.readinto(view) != view.size:  # type: ignore[attr-defined]
            raise ValueError("storages cut short")
    return found


def _reference(pid: Any) -> tuple[torch.dtype, str, int]:
    """Type, key and length of a storage that a torch pickle refers to."""
    what, kind, key, _, count, *_ = pid
    if what != "storage" or not isinstance(kind, torch.dtype) or not str(key).isdecimal():
        raise ValueError("a reference to no storage")
    if not isinstance(count, int) or count < 0:
        raise ValueError(f"a storage of {count!r:.20} numbers")
    return kind, str(key), count


def _numbers(data: bytearray, kind: torch.dtype, count: int) -> Tensor:
    if count * kind.itemsize > len(data):
        raise ValueError(f"a storage of {count} numbers in {len(data)} bytes")
    return torch.frombuffer(data, dtype=kind, count=count) if count else torch.empty(0, dtype=kind)


def _storage_from_bytes(data: bytes) -> Tensor:
    found = _read_older(io.BytesIO(data), len(data))
    if not isinstance(found, Tensor):
        raise ValueError("no storage where one is expected")
    return found


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Tensor:
    """A tensor, a part of a storage, whose numbers may come later."""
    whole = all(isinstance(n, int) and n >= 0 for n in (offset, *size, *stride))
    if not isinstance(storage, Tensor) or not whole or len(size) != len(stride):
        raise ValueError("a tensor that is none")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and (last >= len(storage) or math.prod(size) > len(storage)):
        raise ValueError("a tensor beyond its storage")
    return storage.as_strided(size, stride, offset)


def _parameter(data: Any, *rest: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter that is no tensor")
    return data


def _persistent(meta: Any) -> Kept:
    if meta.get("type") != "class" or meta.get("version") != 6:
        raise ValueError(f"a persistent object of version {meta.get('version')!r:.20}; expected 6")
    kept = Kept(str(meta["class_name"]))
    kept.__setstate__(meta["state"])
    return kept


def _scalar(kind: _NumberType, data: bytes) -> Any:
    return np.frombuffer(data, kind.type, count=1)[0].item()


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding!r:.20}")
    return text.encode("latin1")


def _set(items: Any = ()) -> frozenset:
    return frozenset(items)


def _attribute(*names: Any) -> Kept:
    """Stands for getattr, which ECT's loss function needs and nothing here does."""
    return Kept("attribute")


ALLOWED: Mapping[tuple[str, str], Any] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    ("dnnlib.util", "EasyDict"): _Dictionary,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _storage_from_bytes,
    **{
        ("torch.nn.modules.container", name): Kept
        for name in ("ModuleDict", "ModuleList", "Sequential")
    },
    ("torch.nn.modules.linear", "Linear"): Kept,
    ("torch.nn.modules.pooling", "AvgPool2d"): Kept,
    ("torch.nn.modules.pooling", "MaxPool2d"): Kept,
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    ("numpy", "dtype"): _NumberType,
    ("__builtin__", "set"): _set,
    ("builtins", "set"): _set,
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "getattr"): _attribute,
    ("builtins", "getattr"): _attribute,
}


def tensors_of(kept: Kept) -> dict[str, Tensor]:
    """The tensors of a module by their names in its state, in their order.

    Raises ValueError for modules that are none, or hold themselves.
    """
    found: dict[str, Tensor] = {}
    _collect(kept, "", found, ())
    return found


def _collect(kept: Any, prefix: str, found: dict[str, Tensor], above: tuple[int, ...]) -> None:
    if not isinstance(kept, Kept) or id(kept) in above:
        raise ValueError(f"{prefix or 'the network'}: no module")
    for part in ("_parameters", "_buffers"):
        for name, value in (kept.state.get(part) or {}).items():
            if isinstance(value, Tensor):
                found[f"{prefix}{name}"] = value
    for name, module in (kept.state.get("_modules") or {}).items():
        if module is not None:
            _collect(module, f"{prefix}{name}.", found, (*above, id(kept)))
