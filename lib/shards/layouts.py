"""The two layouts of a shard: chunks to and from the members of a tar archive.

chunk   1000 images a member: `image.npy`, `label.npy`, one .npy for each field of numbers, `json`.
sample  one image a sample: `png`, `cls`, `json` for its scalars, a .npy for each field of arrays;
        attacked, `adv.png` (the 8-bit picture) and, where the attack's floats are kept, `adv.npy`.

Both open with plain webdataset.  advshards(5) is the reference.
"""

import io
import json
import re
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from advlib.errors import DataError
from advlib.numbers import finite_json
from advlib.shards import npy
from advlib.shards.chunk import (
    RESERVED,
    Chunk,
    key_array,
    key_text,
    object_array,
    scalar_array,
)

LAYOUTS = ("chunk", "sample")
META = "__advshards__"  # the first member: no field, so that webdataset passes over it
PICTURES = ("png", "jpg", "jpeg", "webp", "bmp", "ppm")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM")  # others Pillow may give to programs, as PostScript
PNG = b"\x89PNG\r\n\x1a\n"
CLASSES = 1 << 20  # a label above is damage: counting the classes would take all memory
INT64 = 1 << 63
PICKLED = frozenset({"pickle", "pkl", "pyd", "pth", "pt", "joblib", "dill"})
FIELD = re.compile(r"[A-Za-z_]\w*")
FORBIDDEN = re.compile(r"[./\\\0]")  # in a key
ARRAYS = {"adv.npy": "adversarial"}  # fields whose member bears another name in a sample


def picture(values: np.ndarray) -> np.ndarray:
    """The 8-bit picture of images in [0, 1], float (..., c): what people see and files hold."""
    if values.dtype == np.uint8:
        return values
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


# --- writing


def chunk_members(chunk: Chunk, first: int) -> Iterable[tuple[str, list]]:
    """Names and buffers of a chunk whose first image is number `first` of its set."""
    name = key_text(first)
    yield f"{name}.image.npy", [*npy.encode(chunk.image)]
    yield f"{name}.label.npy", [*npy.encode(chunk.label)]
    texts = {}
    for field, values in sorted(chunk.fields.items()):
        if values.dtype == object:
            texts[field] = values.tolist()
        else:
            yield f"{name}.{field}.npy", [*npy.encode(values)]
    about = {"first": first, "n": len(chunk)}
    if chunk.key.dtype == object or not np.array_equal(
        chunk.key, np.arange(first, first + len(chunk))
    ):
        about["keys"] = _packed_keys(chunk.key)
    if texts:
        about["fields"] = texts
    yield f"{name}.json", [_json(about)]


def _packed_keys(key: np.ndarray) -> int | list:
    """Consecutive numbers as the first of them, others as a list."""
    if key.dtype != object and np.array_equal(key, np.arange(key[0], key[0] + len(key))):
        return int(key[0])
    return key.tolist()


def sample_members(chunk: Chunk) -> Iterable[tuple[str, list]]:
    """Names and buffers of a chunk's samples, one after another.

    Raises DataError for a key with a dot or a slash, and for images that PNG cannot hold.
    """
    if chunk.image.shape[-1] not in (1, 3):
        raise DataError(
            f"{chunk.image.shape[-1]} channels do not fit into PNG; expected 1 or 3, or --layout"
            " chunk"
        )
    scalars = {n: v.tolist() for n, v in sorted(chunk.fields.items()) if v.ndim == 1}
    arrays = {n: v for n, v in sorted(chunk.fields.items()) if v.ndim > 1}
    for i, key in enumerate(chunk.key_texts()):
        check_key(key)
        yield f"{key}.png", [_png(chunk.image[i])]
        yield f"{key}.cls", [str(chunk.label[i]).encode()]
        for name, values in arrays.items():
            if name == "adversarial":
                yield f"{key}.adv.png", [_png(picture(values[i]))]
                if values.dtype != np.uint8:
                    yield f"{key}.adv.npy", [*npy.encode(values[i])]
            else:
                yield f"{key}.{name}.npy", [*npy.encode(values[i])]
        if scalars:
            yield f"{key}.json", [_json({name: values[i] for name, values in scalars.items()})]


def check_key(key: str) -> None:
    """Refuse a key that a member's name cannot hold."""
    if not key or FORBIDDEN.search(key):
        raise DataError(
            f"key {key!r}: a key may hold no dot and no slash, since a field begins at the first"
            " dot of a member's name; --layout chunk keeps any, advpack --renumber gives others"
        )


def check_fields(names: Iterable[str]) -> None:
    """Refuse names of fields that cannot be told from the layout's own."""
    for name in names:
        if not FIELD.fullmatch(name) or name in RESERVED or name in ("png", "cls", "json", "adv"):
            raise DataError(
                f"field {name!r}: expected a name of letters, digits and _, and none of"
                f" {', '.join(sorted(RESERVED))}"
            )


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out, "PNG")
    return out.getvalue()


def _json(value) -> bytes:
    return json.dumps(finite_json(value), separators=(",", ":")).encode()


# --- reading


def layout_of(fields: Iterable[str]) -> str:
    """Which layout has these fields."""
    return "chunk" if {"image.npy", "label.npy"} <= set(fields) else "sample"


def check_field(where: str, field: str) -> None:
    """Refuse fields that are pickled, and those that a dot in a key made.  `where` names both."""
    stem, _, suffix = field.rpartition(".")
    if suffix in PICKLED:
        raise DataError(f"{where}: a pickled field, which is never read")
    if stem and not all(FIELD.fullmatch(part) for part in stem.split(".")):
        raise DataError(f"{where}: a key may hold no dot; the field would be {field!r}")


def decode_chunk(members: Mapping[str, np.ndarray], where: str) -> Chunk:
    """The chunk whose members, field to bytes (size,) uint8, are given.

    Raises DataError for missing or unequal members, and what `checked` refuses.
    """
    image, label = (_array(members, name, where) for name in ("image.npy", "label.npy"))
    about = _about(members, where)
    if label.ndim != 1 or label.dtype.kind not in "iu":
        raise DataError(
            f"{where}.label.npy: {label.dtype} of shape {label.shape}; expected integers of shape"
            " (n,)"
        )
    n = len(label)
    fields = {}
    for name in members:
        if name.endswith(".npy") and name not in ("image.npy", "label.npy"):
            fields[name[: -len(".npy")]] = _array(members, name, where)
    texts = about.get("fields", {})
    if not isinstance(texts, dict) or not all(isinstance(v, list) for v in texts.values()):
        raise DataError(f"{where}.json: fields that are no lists; expected a value for each image")
    fields |= {name: object_array(values) for name, values in texts.items()}
    if taken := RESERVED & set(fields):
        raise DataError(f"{where}: a field may not be named {', '.join(sorted(taken))}")
    key = _keys(about, n, where)
    for name, values in {"image": image, "key": key, **fields}.items():
        if values.ndim == 0 or len(values) != n:
            count = len(values) if values.ndim else "no"
            raise DataError(f"{where}: {count} values of {name!r} for {n} labels")
    return checked(Chunk(image, label.astype(np.int64, copy=False), key, fields), where)


def _keys(about: dict, n: int, where: str) -> np.ndarray:
    """The keys of a chunk, as `chunk_members` packed them."""
    keys = about.get("keys", about.get("first", 0))
    if type(keys) is int and -INT64 <= keys < INT64 - n:
        return np.arange(keys, keys + n)
    if isinstance(keys, list):
        if all(type(key) is int and -INT64 <= key < INT64 for key in keys):
            return np.array(keys, np.int64)
        if all(type(key) is str for key in keys):
            return object_array(keys)
    raise DataError(f"{where}.json: keys {str(keys)[:30]}; expected numbers or texts")


def decode_samples(samples: Iterable[tuple[str, Mapping[str, np.ndarray]]], where: str) -> Chunk:
    """A chunk of samples, pairs of key and members; `where` names their archive.

    Raises DataError where a field is missing, images differ in shape, or labels are no integers.
    """
    keys, images, labels, scalars, arrays = [], [], [], [], []
    for key, members in samples:
        here = f"{where}: {key}"
        image, found = _sample_arrays(members, here)
        if images and image.shape != images[0].shape:
            raise DataError(
                f"{here}: an image of {_shape(image)}, after others of {_shape(images[0])};"
                " expected one shape"
            )
        about = _about(members, here)
        labels.append(_label(members, about, here))
        keys.append(key)
        images.append(image)
        scalars.append({k: v for k, v in about.items() if k not in RESERVED})
        arrays.append(found)
    names = dict.fromkeys(name for about in scalars for name in about)
    fields = {name: scalar_array([about.get(name) for about in scalars]) for name in names}
    for name in dict.fromkeys(name for found in arrays for name in found):
        shapes = [found[name].shape if name in found else None for found in arrays]
        odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
        if odd:
            raise DataError(
                f"{where}: {keys[odd]}: field {name!r} of shape {shapes[odd]}; that of {keys[0]}"
                f" is {shapes[0]}; expected one shape"
            )
        fields[name] = np.stack([found[name] for found in arrays])
    return checked(Chunk(np.stack(images), np.array(labels), key_array(keys), fields), where)


def checked(chunk: Chunk, where: str) -> Chunk:
    """The chunk, if its images are (n, h, w, c) uint8 and its labels are such; else DataError."""
    if not len(chunk):
        raise DataError(f"{where}: no images; expected one at least")
    if chunk.image.ndim != 4 or chunk.image.dtype != np.uint8 or not chunk.image.size:
        raise DataError(
            f"{where}: images are {chunk.image.dtype} of shape {chunk.image.shape}; expected uint8"
            " of shape (n, height, width, channels)"
        )
    if chunk.label.min() < 0 or chunk.label.max() >= CLASSES:
        at = int(np.flatnonzero((chunk.label < 0) | (chunk.label >= CLASSES))[0])
        raise DataError(
            f"{where}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; expected 0 to"
            f" {CLASSES - 1}"
        )
    return chunk


def unknown_fields(fields: Iterable[str]) -> list[str]:
    """Fields of a sample that are neither images, labels nor values, and so are not carried."""
    known = {*PICTURES, "npy", "cls", "json", "adv.png"}
    return sorted(f for f in fields if f not in known and not _is_array(f))


def _is_array(field: str) -> bool:
    """Whether a field of a sample is an array that is carried along."""
    name = field.removesuffix(".npy")
    return name != field and bool(FIELD.fullmatch(name)) and name not in RESERVED


def _sample_arrays(members, where) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The image, (h, w, c) uint8, and the array fields of a sample."""
    found = {}
    image = None
    for name in members:
        if name in PICTURES:
            image = _picture(members[name], f"{where}.{name}")
        elif name == "npy":
            image = _array(members, name, where)
        elif name == "adv.png" and "adv.npy" not in members:
            found["adversarial"] = _picture(members[name], f"{where}.{name}")
        elif _is_array(name):
            found[ARRAYS.get(name, name[:-4])] = _array(members, name, where)
    if image is None:
        have = ", ".join(members)
        raise DataError(f"{where}: no image; expected a field png, jpg or npy among {have}")
    if image.dtype != np.uint8 or image.ndim != 3:
        raise DataError(
            f"{where}: the image is {image.dtype} of shape {image.shape}; expected uint8 of shape"
            " (height, width, channels)"
        )
    return image, found


def _label(members, about: dict, where: str) -> int:
    if "cls" in members:
        text = members["cls"].tobytes()
        try:
            label = int(text)
        except ValueError:
            raise DataError(f"{where}.cls: found {text[:20]!r}; expected an integer") from None
    else:
        label = about.get("label")
    if type(label) is not int:
        have = ", ".join(members)
        raise DataError(f"{where}: no label; expected a field cls among {have}")
    if not 0 <= label < CLASSES:
        raise DataError(f"{where}: label {str(label)[:30]}; expected 0 to {CLASSES - 1}")
    return label


def _array(members, name: str, where: str) -> np.ndarray:
    if name not in members:
        raise DataError(f"{where}: field {name} is missing; found {', '.join(members)}")
    return npy.decode(members[name], f"{where}.{name}")


def _about(members, where: str) -> dict:
    if "json" not in members:
        return {}
    try:
        about = json.loads(members["json"].tobytes())
    except (ValueError, RecursionError) as err:
        raise DataError(f"{where}.json: not JSON: {err}") from None
    if not isinstance(about, dict):
        raise DataError(f"{where}.json: found {type(about).__name__}; expected an object")
    return about


def _picture(data: np.ndarray, where: str) -> np.ndarray:
    """A decoded picture as (h, w, 1) or (h, w, 3) uint8."""
    from PIL import Image, UnidentifiedImageError

    encoded = data.tobytes()
    if encoded.startswith(PNG):
        _check_png(encoded, where)
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as opened:
            if opened.mode.startswith(("I", "F")):
                raise DataError(f"{where}: more than 8 bits a channel; expected 8")
            pixels = np.array(opened if opened.mode in ("L", "RGB") else opened.convert("RGB"))
    except DataError:
        raise
    except Exception as err:  # of damaged data Pillow's decoders raise nearly anything
        said = "not a picture" if isinstance(err, UnidentifiedImageError) else err
        raise DataError(f"{where}: {said}") from None
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _check_png(data: bytes, where: str) -> None:
    """Compare all checksums of a PNG; Pillow passes over those of the pixels."""
    at = len(PNG)
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise DataError(f"{where}: damaged at byte {at}: a checksum is wrong")
        at = end + 4


def _shape(image: np.ndarray) -> str:
    return "x".join(map(str, image.shape))
