"""Tiles of a contact sheet: an image with what is known of it, from shards or made by hand."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from advlib.errors import DataError
from advlib.shards.chunk import Chunk, shape_text
from advlib.shards.pictures import eight_bits

MAGNIFY = 16.0  # of the difference: 8/255, the usual bound, then spans black to white


@dataclass(frozen=True)
class Tile:
    """An image, or a clean image and what an attack made of it.

    image: (h, w, c) uint8, c = 1 (grey) or 3 (RGB).
    label, key: the class by name or number, and the image's name; neither has to be unique.
    adversarial: (h, w, c), uint8 or float in [0, 1].
    prediction: a model's class for `adversarial`, or for `image` where there is no `adversarial`;
        right if it is the same text as `label`.
    category: what people made of the image, such as valid, deceptive or ambiguous.
    said: what judges said of it, in a line.
    """

    image: np.ndarray
    label: str
    key: str = ""
    adversarial: np.ndarray | None = None
    prediction: str | None = None
    category: str | None = None
    said: str = ""


def tiles_of(
    chunks: Iterable[Chunk],
    name: Callable[[int], str] = str,
    category: Callable[[Chunk], Sequence[str | None]] | None = None,
    said: Callable[[str], str] = lambda key: "",
) -> Iterator[Tile]:
    """The images of chunks as tiles; `adversarial` and `prediction` are fields of these names.

    name: the name of a class.  category: of each image of a chunk.  said: of an image by its key.
    """
    for chunk in chunks:
        groups: Sequence[str | None]
        after, guess = chunk.fields.get("adversarial"), chunk.fields.get("prediction")
        groups = category(chunk) if category else [None] * len(chunk)
        for i, key in enumerate(chunk.key_texts()):
            yield Tile(
                chunk.image[i],
                name(int(chunk.label[i])),
                key,
                None if after is None else after[i],
                None if guess is None or guess[i] is None else name(int(guess[i])),
                groups[i],
                said(key),
            )


def difference(image: np.ndarray, adversarial: np.ndarray, magnify: float = MAGNIFY) -> np.ndarray:
    """The change from `image` uint8 to `adversarial`, uint8 or float in [0, 1], of one shape.

    The value 1/2 + magnify (adversarial - image), both in [0, 1], each channel by itself, cut to
    [0, 1] and rounded to uint8: mid-grey (128) is no change, lighter is more, darker is less.
    """
    after = adversarial / 255 if adversarial.dtype == np.uint8 else adversarial.astype(float)
    return eight_bits(np.clip(0.5 + magnify * (after - image / 255), 0, 1))


def check_tile(tile: Tile, first: Tile) -> None:
    """Raise DataError unless `tile` is as Tile says and fits beside `first`."""
    image, after, wrong = tile.image, tile.adversarial, ""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        wrong = f"{shape_text(image.shape)} {image.dtype}: expected height x width x 1 or 3, uint8"
    elif image.shape != first.image.shape:
        wrong = f"{shape_text(image.shape)} on a sheet of {shape_text(first.image.shape)}:"
        wrong += " expected one shape"
    elif (after is None) != (first.adversarial is None):
        wrong = "only some images have an adversarial one"
    elif after is not None and after.shape != image.shape:
        wrong = f"adversarial image of {shape_text(after.shape)}:"
        wrong += f" expected {shape_text(image.shape)}, as the clean one"
    elif after is not None and after.dtype != np.uint8:
        real = np.issubdtype(after.dtype, np.floating)
        if not real or not ((after >= 0) & (after <= 1)).all():  # so said, it finds NaN too
            wrong = f"adversarial image of {after.dtype} from {after.min()} to {after.max()}: "
            wrong += "expected uint8, or floats from 0 to 1"
    if wrong:
        raise DataError(f"image {tile.key}: {wrong}")
