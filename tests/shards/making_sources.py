"""What the tests of sources are made of: data sets in every form, some small."""

import gzip
import hashlib
import struct

import h5py
import numpy as np
from PIL import Image

from advlib.shards.chunk import concatenate

N = 23

RNG = np.random.default_rng(0)

IMAGE = RNG.integers(0, 256, (N, 5, 4, 3), np.uint8)

LABEL = np.sort(RNG.integers(0, 3, N))

LABEL[[0, 10, -1]] = 0, 1, 2


def everything(source, start=0, size=7):
    return concatenate(list(source.chunks(start, size)))


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            file[key] = value
    return path


def write_folder(path, image=IMAGE, label=LABEL, suffix="png"):
    for i, (pixels, number) in enumerate(zip(image, label, strict=True)):
        place = path / f"class{number}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:03}.{suffix}")
    return path


def write_forms(folder):
    np.savez_compressed(folder / "deflated.npz", image=IMAGE, label=LABEL.astype(">i4"))
    with h5py.File(folder / "b.hdf5", "w") as file:
        file.create_dataset("image", data=IMAGE, compression="gzip", chunks=(10, 5, 4, 3))
        file["label"] = LABEL.astype(np.uint8)
    return {
        "stored": write_npz(folder / "stored.npz", image=IMAGE, label=LABEL),
        "deflated": folder / "deflated.npz",
        "h5": write_hdf5(folder / "a.h5", image=IMAGE, label=LABEL),
        "hdf5": folder / "b.hdf5",
        "folder": write_folder(folder / "images"),
    }


def md5(data) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def idx_bytes(array) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


GRAY = RNG.integers(0, 256, (1030, 28, 28), np.uint8)

GRAY_LABEL = RNG.integers(0, 10, 1030).astype(np.uint8)


def write_idx(folder, image=GRAY, label=GRAY_LABEL, part="train", pack=False):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", image), ("labels-idx1", label)):
        data = idx_bytes(array)
        name = f"{part}-{kind}-ubyte" + (".gz" if pack else "")
        (folder / name).write_bytes(gzip.compress(data) if pack else data)
    return folder
