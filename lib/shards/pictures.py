"""Pictures of 8 bits a channel, from and to memory: PNG written, five formats read, all checked."""

import io
import zlib

import numpy as np

from advlib.errors import DataError

SUFFIXES = ("png", "jpg", "jpeg", "webp", "bmp", "ppm")  # fields of a sample that are its image
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM")  # others Pillow may give to programs, as PostScript
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


def decode_picture(data: np.ndarray, where: str) -> np.ndarray:
    """The image, (height, width, 1 or 3) uint8, that the bytes `data` (size,) uint8 encode.

    Raises DataError, beginning with `where`, for broken pictures and for more than 8 bits.
    """
    from PIL import Image, UnidentifiedImageError

    encoded = data.tobytes()
    if encoded.startswith(PNG_START):
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
    at = len(PNG_START)
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise DataError(f"{where}: damaged at byte {at}: a checksum is wrong")
        at = end + 4
