"""Tensors with JSON about them in one safetensors file."""

import json
import os
from collections.abc import Mapping

from torch import Tensor, contiguous_format

from advlib.documents import parse_json
from advlib.errors import DataError
from advlib.jobs.files import atomic_write


class DamagedError(DataError):
    """A file of tensors cannot be read: it was cut short or overwritten."""


def save_tensors(
    path: str | os.PathLike, tensors: Mapping[str, Tensor], key: str, about: Mapping
) -> None:
    """Write tensors and JSON, whole or not at all; the same contents give the same bytes.

    key: under which the JSON stands in the file's metadata.
    Raises OSError where the file cannot be written; ValueError for a number that is not finite in
    the JSON.
    """
    from safetensors.torch import save

    # one entry: the library writes several in an order that changes from run to run
    metadata = {key: json.dumps(about, allow_nan=False)}
    # copies: the library refuses tensors that share memory
    plain = {
        name: value.detach().cpu().clone(memory_format=contiguous_format)
        for name, value in tensors.items()
    }
    with atomic_write(path) as file:
        file.write(save(plain, metadata))


def metadata_keys(path: str | os.PathLike) -> set[str]:
    """The keys of a safetensors file's metadata.

    Raises DamagedError, one line, for a damaged file; OSError where there is none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return set(file.metadata() or {})
    except SafetensorError as err:
        raise DamagedError(f"{path}: damaged or cut short: {err}") from None


def load_tensors(
    path: str | os.PathLike, key: str, advice: str = ""
) -> tuple[dict[str, Tensor], dict | None]:
    """The tensors of a safetensors file, and the JSON object under `key`, None without one.

    advice: ends the message for a damaged file.
    Raises DamagedError, one line, for a damaged file; OSError where there is none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(key)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = None if text is None else parse_json(text)
        if not (about is None or isinstance(about, dict)):
            raise ValueError(f"{key} of its metadata is no JSON object")
    except (SafetensorError, ValueError) as err:
        raise DamagedError(f"{path}: damaged or cut short: {err}{advice}") from None
    return tensors, about
