"""What a file is by its first bytes, for messages on files that are not what was expected."""

import os

HEAD = 64  # bytes that are enough to tell

COMPRESSED = {  # by what, and the command that undoes it
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ\0": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\x04\x22\x4d\x18": ("lz4", "unlz4"),
    b"LZIP": ("lzip", "lzip -d"),
    b"\x1f\x9d": ("compress", "uncompress"),
}
ZIP = "a zip archive"  # as .npz is
HDF5 = "an HDF5 file"
PICKLE = "a Python pickle"
KINDS = {
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"II+\0": "a BigTIFF picture",
    b"8BPS": "a Photoshop picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"v/1\x01": "an OpenEXR picture",
    b"%PDF-": "a PDF document",
    b"%!PS": "a PostScript document",
    b"SQLite format 3\0": "an SQLite database",
    b"\x7fELF": "a program",
    b"\x80\x02": PICKLE,
    b"\x80\x03": PICKLE,
    b"\x80\x04": PICKLE,
    b"\x80\x05": PICKLE,
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML document",
    b"<svg": "an SVG drawing",
    b"version https://git-lfs": "a Git LFS pointer, in place of the file (git lfs pull)",
}
INSIDE = {  # of files that begin with their size: what bytes 4 to 12 are
    b"ftypavif": "an AVIF picture",
    b"ftypavis": "an AVIF animation",
    b"ftypheic": "a HEIC picture",
    b"ftypmif1": "a HEIF picture",
}


def file_kind(head: bytes) -> str:
    """What a file is, in words, by its first HEAD bytes or all it has; "" where that is not known.

    Compression comes with the command that undoes it.
    """
    for magic, (name, command) in COMPRESSED.items():
        if head.startswith(magic):
            return f"compressed with {name} ({command} it)"
    for magic, words in KINDS.items():
        if head.startswith(magic):
            return words
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP picture"
    return INSIDE.get(head[4:12], "")


def path_kind(path: str | os.PathLike) -> str:
    """What the regular file at a path is, as `file_kind` says."""
    with open(path, "rb") as file:
        return file_kind(file.read(HEAD))
