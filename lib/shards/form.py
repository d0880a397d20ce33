"""The form that all images of a set share, and what is refused: shapes, types, fields, labels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk, key_text, shape_text
from advlib.shards.constants import MOST_CLASSES


@dataclass(frozen=True)
class Form:
    """What is the same for every image of a set.

    shape: of an image, height, width and channels.  fields: by name, the shape of each for one
    image.  classes: labels are below it; None where nothing says how many there are.
    """

    shape: tuple[int, ...]
    fields: Mapping[str, tuple[int, ...]]
    classes: int | None = None


def field_shapes(chunk: Chunk) -> dict[str, tuple[int, ...]]:
    """Of each field, the shape that it has for one image."""
    return {name: values.shape[1:] for name, values in chunk.fields.items()}


def require_same_form(chunks: Iterable[Chunk], form: Form, name: str) -> Iterator[Chunk]:
    """The chunks, but for empty ones, as long as their images have this form.

    Raises DataError at the first that has not, beginning with `name`.
    """
    for chunk in chunks:
        if not len(chunk):
            continue
        first = key_text(chunk.key[0].item() if chunk.key.dtype != object else chunk.key[0])
        if chunk.image.shape[1:] != tuple(form.shape):
            raise DataError(
                f"{name}: image {first} is {shape_text(chunk.image.shape[1:])}, those before it"
                f" {shape_text(form.shape)}; expected one shape"
            )
        if set(chunk.fields) != set(form.fields):
            odd = ", ".join(sorted(set(chunk.fields) ^ set(form.fields)))
            raise DataError(f"{name}: at image {first}: only some images have {odd}")
        for field, found in field_shapes(chunk).items():
            if found != form.fields[field]:
                raise DataError(
                    f"{name}: at image {first}: field {field!r} of shape {found}, before it"
                    f" {form.fields[field]}; expected one shape"
                )
        if form.classes is not None and int(chunk.label.max()) >= form.classes:
            at = int(np.argmax(chunk.label))
            raise DataError(
                f"{name}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; the set has"
                f" {form.classes} classes, so expected 0 to {form.classes - 1}"
            )
        yield chunk


def require_valid(chunk: Chunk, where: str) -> Chunk:
    """The chunk, if it holds images, (n, h, w, c) uint8, with labels in range.

    Raises DataError, beginning with `where`, if not.
    """
    if not len(chunk):
        raise DataError(f"{where}: no images; expected one at least")
    if chunk.image.ndim != 4 or chunk.image.dtype != np.uint8 or not chunk.image.size:
        raise DataError(
            f"{where}: images are {chunk.image.dtype} of shape {chunk.image.shape}; expected uint8"
            " of shape (n, height, width, channels)"
        )
    if chunk.label.min() < 0 or chunk.label.max() >= MOST_CLASSES:
        at = int(np.flatnonzero((chunk.label < 0) | (chunk.label >= MOST_CLASSES))[0])
        raise DataError(
            f"{where}: label {chunk.label[at]} of image {chunk.key_texts()[at]}; expected 0 to"
            f" {MOST_CLASSES - 1}"
        )
    return chunk
