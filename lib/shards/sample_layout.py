"""The sample layout: one image a sample, `png`, `cls`, `json` for its scalars, .npy for its arrays.

An attacked image has `adv.png`, the 8-bit picture, and, where the attack's floats are kept,
`adv.npy`.  Also read are samples that others wrote, with pictures of other kinds, or `npy`.
advshards(5) is the reference.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.shards import npy
from advlib.shards.chunk import Chunk, key_array, scalar_array, shape_text
from advlib.shards.constants import DTYPES, MOST_CLASSES, RESERVED
from advlib.shards.form import require_valid
from advlib.shards.image_size import images_at_once
from advlib.shards.members import (
    FIELD,
    Buffers,
    Members,
    encode_json,
    field_twice,
    read_array,
    read_json,
)
from advlib.shards.pictures import SUFFIXES, decode_picture, eight_bits, encode_png

FORBIDDEN = re.compile(r"[./\\\0]")  # in a key
LABEL = re.compile(rb"\s*(-?[0-9]{1,1000})\s*")  # the member cls
JSON_TYPES = ("bool", "int64", "float64", "object")  # of fields that JSON gives back as they were
JSON_BYTES = 8  # of the largest number that is written into JSON
NOT_FINITE = ("nan", "inf", "-inf")  # as texts in JSON, with their type beside them
ADVERSARIAL = "adversarial"  # the field whose members are adv.png and adv.npy


def encode_samples(chunk: Chunk) -> Iterable[tuple[str, Buffers]]:
    """Names and buffers of the members of a chunk's samples, one sample after another.

    Raises DataError for a key with a dot or a slash, and for images that PNG cannot hold.
    """
    channels = chunk.image.shape[-1]
    if channels not in (1, 3):
        raise DataError(
            f"{channels} channels do not fit into PNG; expected 1 or 3, or --layout chunk"
        )
    fields = dict(sorted(chunk.fields.items()))
    scalars = {n: v for n, v in fields.items() if v.ndim == 1 and v.dtype.itemsize <= JSON_BYTES}
    arrays = {n: v for n, v in fields.items() if n not in scalars}
    values_of = {name: values.tolist() for name, values in scalars.items()}
    typed = {n: v.dtype.name for n, v in scalars.items() if v.dtype.name not in JSON_TYPES}
    for i, key in enumerate(chunk.key_texts()):
        _check_key(key)
        yield f"{key}.png", [encode_png(chunk.image[i])]
        yield f"{key}.cls", [str(chunk.label[i]).encode()]
        for name, values in arrays.items():
            if name == ADVERSARIAL:
                yield f"{key}.adv.png", [encode_png(eight_bits(values[i]))]
                if values.dtype != np.uint8:
                    yield f"{key}.adv.npy", [*npy.encode(values[i])]
            else:
                yield f"{key}.{name}.npy", [*npy.encode(values[i])]
        if scalars:
            about = {name: values[i] for name, values in values_of.items()}
            yield f"{key}.json", [encode_json(_with_types(about, typed))]


def _with_types(about: dict[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """The scalar fields of a sample with the types that JSON lacks beside them: those of `typed`,
    and that of a number which is not finite, and so a text in JSON.
    """
    types = dict(typed)
    for name, value in about.items():
        if type(value) is float and not math.isfinite(value):
            types.setdefault(name, "float64")
            about[name] = str(value)
    return {**about, DTYPES: types} if types else about


def _without_types(about: dict[str, Any], where: str) -> dict[str, Any]:
    """The fields of the member `json`, in their types; what `_with_types` was given."""
    types = about.pop(DTYPES, {})
    try:
        for name, kind in types.items():
            value, dtype = about[name], np.dtype(kind)
            expected = {"i": (int,), "u": (int,), "f": (int, float)}[dtype.kind]
            if type(value) not in expected and (dtype.kind != "f" or value not in NOT_FINITE):
                raise TypeError
            number = dtype.type(value)
            about[name] = number.item() if dtype == np.float64 else number
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        found = str(types)[:40]
        raise DataError(
            f"{where}.json: {DTYPES} {found}; expected the type of each number that it names"
        ) from None
    return about


def _check_key(key: str) -> None:
    """Refuse a key that a member's name cannot hold."""
    if not key or FORBIDDEN.search(key):
        raise DataError(
            f"key {key!r}: a key may hold no dot and no slash, since a field begins at the first"
            " dot of a member's name; --layout chunk keeps any, advpack --renumber gives others"
        )


def decode_samples(samples: Iterable[tuple[str, Members]], where: str) -> Chunk:
    """A chunk of samples, pairs of key and members; `where` names their archive.

    Raises DataError where a field is missing, images differ in shape, or labels are no integers.
    """
    samples = list(samples)
    (chunk,) = decode_batches(samples, where, at_once=len(samples))
    return chunk


def decode_batches(
    samples: Sequence[tuple[str, Members]], where: str, at_once: int | None = None
) -> Iterator[Chunk]:
    """Chunks of samples, of `at_once` images, or of as many as may be decoded at once.

    A value that some of all the samples lack is None.  Raises DataError as decode_samples does.
    """
    labels: list[int] = []
    scalars: list[dict] = []
    for key, members in samples:
        here = f"{where}: {key}"
        about = _without_types(read_json(members, here), here)
        labels.append(_decode_label(members, about, here))
        scalars.append({k: v for k, v in about.items() if k not in RESERVED})
    keys = [key for key, _ in samples]
    names = dict.fromkeys(name for about in scalars for name in about)
    fields = {name: scalar_array([about.get(name) for about in scalars]) for name in names}
    label, key_values = np.array(labels), key_array(keys)
    begin = 0
    while begin < len(samples):
        first, arrays = _decode_arrays(samples[begin][1], f"{where}: {keys[begin]}")
        count = at_once or images_at_once(first.shape)
        part = slice(begin, min(begin + count, len(samples)))
        image = np.empty((part.stop - begin, *first.shape), np.uint8)
        found = []
        for i, (key, members) in enumerate(samples[part]):
            pixels = first
            if i:
                pixels, arrays = _decode_arrays(members, f"{where}: {key}")
            if pixels.shape != first.shape:
                raise DataError(
                    f"{where}: {key}: an image of {shape_text(pixels.shape)}, after others of"
                    f" {shape_text(first.shape)}; expected one shape"
                )
            image[i] = pixels
            found.append(arrays)
        taken = {name: values[part] for name, values in fields.items()}
        for name in dict.fromkeys(name for arrays in found for name in arrays):
            if name in taken:
                raise field_twice(f"{where}: {keys[begin]}", name, f"{name}.npy", "json")
            taken[name] = _stack(name, found, keys[part], where)
        yield require_valid(Chunk(image, label[part], key_values[part], taken), where)
        begin = part.stop


def _stack(
    name: str, arrays: list[dict[str, np.ndarray]], keys: list[str], where: str
) -> np.ndarray:
    """An array field of all samples; DataError where one lacks it or has it in another shape."""
    shapes = [found[name].shape if name in found else None for found in arrays]
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
    if odd:
        raise DataError(
            f"{where}: {keys[odd]}: field {name!r} of shape {shapes[odd]}; that of {keys[0]}"
            f" is {shapes[0]}; expected one shape"
        )
    return np.stack([found[name] for found in arrays])


def unknown_fields(members: Iterable[str]) -> list[str]:
    """Members of a sample that are neither image, label nor values, and so are not carried."""
    known = {*SUFFIXES, "npy", "cls", "json", "adv.png"}
    return sorted(name for name in members if name not in known and not _is_array(name))


def _is_array(member: str) -> bool:
    """Whether a member of a sample is an array field, which is carried along."""
    name = member.removesuffix(".npy")
    return name != member and bool(FIELD.fullmatch(name)) and name not in RESERVED


def _decode_arrays(members: Members, where: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The image, (height, width, channels) uint8, and the array fields of a sample."""
    found: dict[str, np.ndarray] = {}
    image = None
    if len(pictures := [name for name in members if name in SUFFIXES or name == "npy"]) > 1:
        raise field_twice(where, "image", *pictures)
    if {"adv.npy", "adv.png"} & set(members) and f"{ADVERSARIAL}.npy" in members:
        raise field_twice(where, ADVERSARIAL, "adv", f"{ADVERSARIAL}.npy")
    for name in members:
        if name in SUFFIXES:
            image = decode_picture(members[name], f"{where}.{name}")
        elif name == "npy":
            image = read_array(members, name, where)
        elif name == "adv.png" and "adv.npy" not in members:
            found[ADVERSARIAL] = decode_picture(members[name], f"{where}.{name}")
        elif _is_array(name):
            field = ADVERSARIAL if name == "adv.npy" else name.removesuffix(".npy")
            found[field] = read_array(members, name, where)
    if image is None:
        have = ", ".join(members)
        raise DataError(f"{where}: no image; expected a field png, jpg or npy among {have}")
    if image.dtype != np.uint8 or image.ndim != 3:
        raise DataError(
            f"{where}: the image is {image.dtype} of shape {image.shape}; expected uint8 of shape"
            " (height, width, channels)"
        )
    return image, found


def _decode_label(members: Members, about: Mapping, where: str) -> int:
    label = about.get("label")
    if "cls" in members:
        text, said = members["cls"].tobytes(), label
        if not (number := LABEL.fullmatch(text)):
            raise DataError(f"{where}.cls: found {text[:20]!r}; expected an integer")
        label = int(number[1])
        if type(said) in (int, float) and said != label:
            raise DataError(f"{where}: label {label} in cls, {said} in json; expected one")
    if type(label) is not int:
        have = ", ".join(members)
        raise DataError(f"{where}: no label; expected a field cls among {have}")
    if not 0 <= label < MOST_CLASSES:
        raise DataError(f"{where}: label {str(label)[:30]}; expected 0 to {MOST_CLASSES - 1}")
    return label
