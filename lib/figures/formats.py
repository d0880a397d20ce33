"""The formats of figures, by the suffix of a file's name; loads no Matplotlib."""

import os

SUFFIXES = (".pdf", ".png", ".svg")


def suffix_of(name: str) -> str:
    """The suffix of a file's name, one of SUFFIXES; "" for another."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix if suffix in SUFFIXES else ""
