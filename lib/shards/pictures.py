"""Pictures of 8 bits a channel, from and to memory: PNG written, five formats read, all checked."""

import io
import zlib
from typing import Any

import numpy as np

from advlib.errors import DataError
from advlib.file_kinds import HEAD, file_kind
from advlib.shards.image_size import require_size

SUFFIXES = ("png", "jpg", "jpeg", "webp", "bmp", "ppm")  # fields of a sample that are its image
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM")  # others Pillow may give to programs, as PostScript
ANIMATED = ("PNG", "WEBP")  # formats whose frames follow each other in time
DEEP_MODES = ("F", "I")  # Pillow's modes of over 8 bits, with I;16 and others
PNG_DEPTH = 24  # byte of a PNG file: bits of a channel
PNG_START = b"\x89PNG\r\n\x1a\n"


def eight_bits(values: np.ndarray) -> np.ndarray:
    """What people see of images in [0, 1], float (..., c): uint8, rounded; uint8 stays as it is."""
    if values.dtype == np.uint8:
        return values
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def encode_png(image: np.ndarray) -> bytes:
    """The PNG of an image (height, width, 1 or 3) uint8."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out, "PNG")
    return out.getvalue()


def decode_picture(data: np.ndarray | bytes, where: str) -> np.ndarray:
    """The image, (height, width, 1 or 3) uint8, that the bytes `data` encode.

    Grey stays grey; palettes, black and white, CMYK and transparent pictures become RGB, what
    covers the transparency being dropped.  An orientation that a camera noted is not applied.

    Raises DataError, beginning with `where`, for broken pictures, those of more than 8 bits a
    channel, of which Pillow would drop some, of several frames, or of too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    encoded = bytes(data)
    if encoded.startswith(PNG_START):
        _check_png(encoded, where)
    Image.MAX_IMAGE_PIXELS = None  # there is a limit of our own
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as opened:
            require_size(opened.height, opened.width, where)
            _require_one_frame_of_8_bits(opened, encoded, where)
            pixels = np.asarray(_in_rgb(opened))
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError:
        found = file_kind(encoded[:HEAD])
        found = f"not a picture but {found}" if found else "not a picture"
        raise DataError(f"{where}: {found}; expected {', '.join(FORMATS)}") from None
    except Exception as err:  # of damaged data Pillow's decoders raise nearly anything
        raise DataError(f"{where}: broken picture: {err}") from None
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _in_rgb(picture: Any) -> Any:
    """A picture of Pillow in mode L or RGB."""
    if picture.mode in ("L", "RGB"):
        return picture
    if "transparency" in picture.info:  # of a palette: Pillow warns unless it is a channel first
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def _require_one_frame_of_8_bits(picture: Any, data: bytes, where: str) -> None:
    """Refuse what Pillow would silently take less of than there is."""
    deep = picture.mode.startswith(DEEP_MODES)
    if picture.format == "PNG":
        deep = data[PNG_DEPTH] > 8
    elif picture.format == "PPM" and isinstance(picture.tile[0].args, tuple):
        deep = deep or picture.tile[0].args[-1] > 255  # the file's highest level
    if deep:
        raise DataError(f"{where}: more than 8 bits a channel; expected 8")
    frames = getattr(picture, "n_frames", 1) if picture.format in ANIMATED else 1
    if frames > 1:
        raise DataError(f"{where}: an animation of {frames} frames; expected one picture")


def _check_png(data: bytes, where: str) -> None:
    """Compare all checksums of a PNG; Pillow passes over those of the pixels."""
    at = len(PNG_START)
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise DataError(f"{where}: damaged at byte {at}: a checksum is wrong")
        if kind == b"IEND":
            return
        at = end + 4
