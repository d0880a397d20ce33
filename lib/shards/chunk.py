"""Chunk: some images in memory, what every reader yields and every writer takes.

Arrays share their first dimension n.  A field is one value per image: a number, a truth value, a
text, or an array (logits, the perturbed image).  Keys name images for people and for joins; most
are the image's number in its source with nine digits, and are kept as integers then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from advlib.errors import DataError

DIGITS = 9  # of a key that is a number


@dataclass(frozen=True)
class Chunk:
    """n images with the same fields.

    image: (n, height, width, channels) uint8.
    label: (n,) int64, the class of each image, >= 0.
    key: (n,) int64, where keys are numbers; else (n,) objects of str.
    fields: by name; (n, ...) arrays of numbers or truth values, or (n,) objects (str, lists and
        dictionaries as in JSON, None where an image has no value).  Scalars are int64, float64,
        bool or objects; `adversarial` is (n, height, width, channels) float32 in [0, 1], or uint8.
    """

    image: np.ndarray
    label: np.ndarray
    key: np.ndarray
    fields: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)

    def take(self, which: slice | np.ndarray) -> "Chunk":
        """The images at positions `which`, or where the mask `which` (n,) holds."""
        return Chunk(
            self.image[which],
            self.label[which],
            self.key[which],
            {name: value[which] for name, value in self.fields.items()},
        )

    def key_texts(self) -> list[str]:
        """The n keys as text."""
        return [key_text(key) for key in self.key.tolist()]


def key_text(key: int | str) -> str:
    """A key as it is written: numbers with nine digits."""
    return f"{key:0{DIGITS}d}" if isinstance(key, int) else key


def key_array(keys: Sequence[str]) -> np.ndarray:
    """Keys as a Chunk holds them: int64 if all are numbers of nine digits, else objects."""
    if all(len(key) == DIGITS and key.isascii() and key.isdecimal() for key in keys):
        return np.array([int(key) for key in keys], np.int64)
    return object_array(keys)


def object_array(values: Sequence) -> np.ndarray:
    """A 1-D array of Python objects; NumPy alone would look into lists of equal length."""
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out


def scalar_array(values: Sequence) -> np.ndarray:
    """One value per image as the narrowest of bool, int64, float64 or objects; NumPy's numbers,
    if all are of one type, in that.
    """
    kinds = {type(value) for value in values}
    if any(issubclass(kind, np.generic) for kind in kinds):
        if len(kinds) == 1:
            return np.array(values)
        values = [v.item() if isinstance(v, np.generic) else v for v in values]
        kinds = {type(value) for value in values}
    if kinds == {bool}:
        return np.array(values, bool)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.array(values, np.int64)
    if kinds == {float}:
        return np.array(values, np.float64)
    return object_array(values)


def concatenate(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk after another as one.

    Raises DataError where shapes or fields differ.
    """
    first = chunks[0]
    for other in chunks[1:]:
        if other.image.shape[1:] != first.image.shape[1:]:
            raise DataError(
                f"mixed shapes: {shape_text(first.image.shape[1:])} and"
                f" {shape_text(other.image.shape[1:])}"
            )
        if set(other.fields) != set(first.fields):
            odd = ", ".join(sorted(set(other.fields) ^ set(first.fields)))
            raise DataError(f"mixed fields: only some images have {odd}")
    if len(chunks) == 1:
        return first
    return Chunk(
        np.concatenate([c.image for c in chunks]),
        np.concatenate([c.label for c in chunks]),
        join_values([c.key for c in chunks], key_text),
        {name: join_values([c.fields[name] for c in chunks]) for name in first.fields},
    )


def join_values(
    parts: Sequence[np.ndarray], as_text: Callable[[int | str], str] | None = None
) -> np.ndarray:
    """Parts of one field one after another; objects, by `as_text`, where their types differ."""
    if len({part.dtype for part in parts}) == 1:
        return np.concatenate(parts)
    values = [value for part in parts for value in part.tolist()]
    return object_array([as_text(v) for v in values] if as_text else values)


def shape_text(shape: Iterable[int]) -> str:
    """A shape, as of an image (height, width, channels), in words: 32x32x3."""
    return "x".join(map(str, shape))


def skip_images(chunks: Iterable[Chunk], count: int) -> Iterator[Chunk]:
    """The images after the first `count`, in chunks."""
    for chunk in chunks:
        if count < len(chunk):
            yield chunk.take(slice(count, None)) if count else chunk
        count = max(count - len(chunk), 0)


def take_images(chunks: Iterable[Chunk], count: int | None) -> Iterator[Chunk]:
    """The first `count` images, or all for None, in chunks; what follows is not read."""
    for chunk in chunks:
        if count is None:
            yield chunk
            continue
        yield chunk.take(slice(count)) if count < len(chunk) else chunk
        count -= len(chunk)
        if count <= 0:
            return


def renumber(chunks: Iterable[Chunk], first: int = 0) -> Iterator[Chunk]:
    """The chunks with the numbers from `first` on for keys."""
    for chunk in chunks:
        yield replace(chunk, key=np.arange(first, first + len(chunk)))
        first += len(chunk)
