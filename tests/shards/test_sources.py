"""Sources: every form of data set gives exactly the images it holds, and says what is wrong."""

import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from advlib.errors import CannotError, DataError
from advlib.shards.chunk import concatenate
from advlib.shards.sources import NAMED, mnist, open_source

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


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    return write_forms(tmp_path_factory.mktemp("forms"))


# What every source promises


@pytest.mark.parametrize("form", ["stored", "deflated", "h5", "hdf5", "folder"])
@pytest.mark.parametrize("size", [1, 7, N, 1000])
@pytest.mark.parametrize("start", [0, 1, 7, N - 1])
def test_any_start_and_size_give_the_images_exactly(forms, form, start, size):
    source = open_source(str(forms[form]))
    assert (source.count, source.shape, source.name) == (N, (5, 4, 3), str(forms[form]))
    chunks = list(source.chunks(start, size))
    assert all(len(c) == size for c in chunks[:-1]) and 1 <= len(chunks[-1]) <= size
    chunk = concatenate(chunks)
    np.testing.assert_array_equal(chunk.image, IMAGE[start:])
    np.testing.assert_array_equal(chunk.label, LABEL[start:])
    np.testing.assert_array_equal(chunk.key, np.arange(start, N))
    assert (chunk.image.dtype, chunk.label.dtype, chunk.key.dtype) == (np.uint8, int, int)
    assert chunk.image.flags.c_contiguous and chunk.image.flags.writeable


@pytest.mark.parametrize("form", ["stored", "deflated", "h5", "folder"])
def test_nothing_is_left_after_the_last_image(forms, form):
    assert list(open_source(str(forms[form])).chunks(N)) == []


@pytest.mark.parametrize("form", ["stored", "h5", "folder"])
def test_identity_changes_with_the_file_alone(tmp_path, form):
    path = write_forms(tmp_path)[form]
    before = open_source(str(path)).identity
    assert open_source(str(path)).identity == before
    file = path / "class1" / "010.png" if path.is_dir() else path
    changed = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(changed, changed))
    assert open_source(str(path)).identity != before


def test_unknown_specs_list_what_is_known(tmp_path):
    for spec, found in (("cifar", "no such file"), (__file__, "not a data set")):
        with pytest.raises(DataError, match=f"{found}.*cifar10, .*mnist, .*npz.*folder.*idx"):
            open_source(spec)


def test_a_known_name_wins_over_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "digits")
    assert open_source("digits").count == 1437
    assert open_source("./digits").count == N


def test_splits_and_roots_belong_to_known_names(forms):
    for form in ("stored", "h5", "folder"):
        with pytest.raises(DataError, match=r"no split 'test'; only cifar10, .*have splits"):
            open_source(str(forms[form]), "test")
    with pytest.raises(DataError, match="root folder goes with cifar10"):
        open_source(str(forms["stored"]), root=".")
    with pytest.raises(DataError, match="digits: no split 'extra'; expected one of train, test"):
        open_source("digits", "extra")


def test_class_names_are_as_published():
    sizes = {name: len(data_set.class_names) for name, data_set in NAMED.items()}
    assert sizes == {
        "cifar10": 10,
        "cifar100": 100,
        "svhn": 10,
        "digits": 10,
        "fashion-mnist": 10,
        "mnist": 10,
    }
    fine = NAMED["cifar100"].class_names
    assert list(fine) == sorted(set(fine))
    assert (fine[0], fine[49], fine[99]) == ("apple", "mountain", "worm")


# Digits


def digits(split):
    return everything(open_source("digits", split), size=1000)


def test_digits_are_those_of_scikit_learn():
    known = load_digits()
    both = concatenate([digits("train"), digits("test")])
    np.testing.assert_array_equal(both.label, known.target)
    levels = np.floor(known.images * 255 / 16 + 0.5)
    np.testing.assert_array_equal(both.image[:, ::4, ::4, 0], levels)


def test_digits_are_blocks_of_four_pixels_in_seventeen_grays():
    both = concatenate([digits("train"), digits("test")])
    assert both.image.shape == (1797, 32, 32, 3)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(both.label).tolist() == counts
    blocks = both.image.reshape(-1, 8, 4, 8, 4, 3)
    assert (blocks == blocks[:, :, :1, :, :1, :1]).all()
    levels = np.unique(both.image)
    assert len(levels) == 17 and (levels[0], levels[8], levels[16]) == (0, 128, 255)


def test_digits_splits_are_parts_of_one_array():
    keys = {s: digits(s).key.tolist() for s in ("train", "test", "validation", "train-rest")}
    assert keys["train"] == keys["validation"] + keys["train-rest"] == list(range(1437))
    assert keys["test"] == list(range(1437, 1797)) and len(keys["validation"]) == 237
    source = open_source("digits", "test")
    assert source.identity == {"name": "digits", "split": "test"}
    assert (source.name, source.shape) == ("digits test", (32, 32, 3))
    assert source.class_names == tuple("0123456789")


# CIFAR and SVHN, from small files in the published formats


def python2_pickle(value) -> bytes:
    """As Python 2 with an old NumPy pickled CIFAR: byte strings, numpy.core."""

    def of(value):
        match value:
            case bytes():
                return b"T" + struct.pack("<i", len(value)) + value
            case int():
                return b"J" + struct.pack("<i", value)
            case list():
                return b"](" + b"".join(map(of, value)) + b"e"
            case dict():
                return b"}(" + b"".join(of(k) + of(v) for k, v in value.items()) + b"u"
        shape = b"(" + b"".join(map(of, value.shape)) + b"t"
        dtype = b"cnumpy\ndtype\n(" + of(b"u1") + of(0) + of(1) + b"tR("
        dtype += of(3) + of(b"|") + b"NNN" + of(-1) + of(-1) + of(0) + b"tb"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n("
            + of(0)
            + b"t"
            + of(b"b")
            + b"tR("
            + of(1)
            + shape
            + dtype
            + b"\x89"
            + of(value.tobytes())
            + b"tb"
        )

    return b"\x80\x02" + of(value) + b"."


def md5(data) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **extra):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request, tmp_path, monkeypatch, offline):
    """Name, root, images and labels of train and of test; the files' MD5s pass as official."""
    from advlib.vision import torchvision

    name = request.param
    kind = getattr(torchvision.datasets, name.upper())
    home = tmp_path / "root" / kind.base_folder
    home.mkdir(parents=True)
    key = b"labels" if name == "cifar10" else b"fine_labels"
    parts = {}
    for part, listed in (("train", "train_list"), ("test", "test_list")):
        lists, images, labels = [], [], []
        for file, _ in getattr(kind, listed):
            n = (1100 if name == "cifar100" else 220) if part == "train" else 30
            image = RNG.integers(0, 256, (n, 3072), np.uint8)
            label = RNG.integers(0, len(NAMED[name].class_names), n).tolist()
            data = python2_pickle({b"data": image, key: label})
            (home / file).write_bytes(data)
            lists.append([file, md5(data)])
            images.append(image.reshape(n, 3, 32, 32).transpose(0, 2, 3, 1))
            labels += label
        monkeypatch.setattr(kind, listed, lists)
        parts[part] = np.concatenate(images), np.array(labels)
    names = [n.encode() for n in NAMED[name].class_names]
    data = python2_pickle({kind.meta["key"].encode(): names})
    (home / kind.meta["filename"]).write_bytes(data)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(data)})
    return name, tmp_path / "root", parts, kind


def test_cifar_is_read_as_published(cifar, capsys):
    name, root, parts, _ = cifar
    rows = {
        "train": slice(0, 1100),
        "validation": slice(0, 1024),
        "train-rest": slice(1024, 1100),
        "test": slice(0, 30),
    }
    for split, which in rows.items():
        image, label = parts["test" if split == "test" else "train"]
        source = open_source(name, split, str(root))
        assert (source.name, source.class_names) == (f"{name} {split}", NAMED[name].class_names)
        assert (source.count, source.shape) == (which.stop - which.start, (32, 32, 3))
        assert source.identity == {"name": name, "split": split}
        chunk = everything(source, 3, 500)
        np.testing.assert_array_equal(chunk.image, image[which][3:])
        np.testing.assert_array_equal(chunk.label, label[which][3:])
        np.testing.assert_array_equal(chunk.key, np.arange(which.start + 3, which.stop))
        assert chunk.image.flags.c_contiguous
    assert open_source(name, root=str(root)).name == f"{name} train"
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_cifar_is_unpacked_from_its_archive_in_the_cache(cifar, tmp_path, monkeypatch):
    name, root, parts, kind = cifar
    cache = tmp_path / "cache" / "advtools"
    cache.mkdir(parents=True)
    with tarfile.open(cache / kind.filename, "w:gz") as tar:
        tar.add(root / kind.base_folder, kind.base_folder)
    monkeypatch.setattr(kind, "tgz_md5", md5((cache / kind.filename).read_bytes()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    np.testing.assert_array_equal(everything(open_source(name, "test")).image, parts["test"][0])


def test_cifar_with_a_changed_file_is_never_unpickled(cifar):
    name, root, _, kind = cifar
    bomb = root / "was-run"
    pickle = b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + str(bomb).encode() + b"\ntRtR."
    (root / kind.base_folder / kind.test_list[0][0]).write_bytes(pickle)
    with pytest.raises(CannotError, match=rf"{name}: not whole in .*{kind.filename}"):
        open_source(name, "test", str(root))
    assert not bomb.exists()


@pytest.mark.parametrize("split", ["train", "test", "extra", "train-rest"])
def test_svhn_is_read_as_published(tmp_path, monkeypatch, offline, split):
    from scipy.io import savemat

    from advlib.vision import torchvision

    part = "train" if split == "train-rest" else split
    image = RNG.integers(0, 256, (1040, 32, 32, 3), np.uint8)
    label = RNG.integers(1, 11, (1040, 1)).astype(np.uint8)
    file = tmp_path / f"{part}_32x32.mat"
    savemat(file, {"X": image.transpose(1, 2, 3, 0), "y": label}, do_compression=True)
    known = dict(torchvision.datasets.SVHN.split_list)
    known[part] = [*known[part][:2], md5(file.read_bytes())]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", known)
    first = 1024 if split == "train-rest" else 0
    chunk = everything(open_source("svhn", split, str(tmp_path)), size=100)
    np.testing.assert_array_equal(chunk.image, image[first:])
    np.testing.assert_array_equal(chunk.label, label[first:, 0] % 10)
    np.testing.assert_array_equal(chunk.key, np.arange(first, 1040))


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cifar10", "put cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/ into {}"),
        ("cifar100", "put cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/ into {}"),
        ("svhn", "put train_32x32.mat from http://ufldl.stanford.edu/housenumbers/ into {}"),
        ("mnist", "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "),
    ],
)
def test_a_failed_download_says_what_to_put_where(tmp_path, offline, name, files):
    with pytest.raises(CannotError) as caught:
        open_source(name, root=str(tmp_path))
    assert files.format(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert "no network in tests" in str(caught.value)


def test_what_torchvision_prints_goes_to_standard_error(cifar, monkeypatch, capsys):
    name, root, _, kind = cifar
    monkeypatch.setattr(kind, "download", lambda self: print("Files already downloaded"))
    open_source(name, "test", str(root))
    assert capsys.readouterr() == ("", "Files already downloaded\n")


def test_missing_packages_are_named(monkeypatch, forms):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match="h5py"):
        open_source(str(forms["h5"]))
    monkeypatch.delitem(sys.modules, "advlib.vision", raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ModuleNotFoundError, match="torchvision"):
        open_source("cifar10", root="/nowhere")


# Idx files


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


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("name", [None, "mnist", "fashion-mnist"])
def test_idx_images_get_a_border_and_three_channels(tmp_path, name, pack):
    write_idx(tmp_path, pack=pack)
    expected = np.zeros((1030, 32, 32, 3), np.uint8)
    expected[:, 2:30, 2:30] = GRAY[..., None]
    for split, first, stop in (
        (None, 0, 1030),
        ("validation", 0, 1024),
        ("train-rest", 1024, 1030),
    ):
        if name:
            source = open_source(name, split, str(tmp_path))
        else:
            source = open_source(str(tmp_path), split)
        assert source.name == f"{name or tmp_path} {split or 'train'}"
        assert (
            source.class_names == (NAMED[name].class_names if name else None)
            and source.count == stop - first
        )
        chunk = everything(source, 2, 400)
        np.testing.assert_array_equal(chunk.image, expected[first + 2 : stop])
        np.testing.assert_array_equal(chunk.label, GRAY_LABEL[first + 2 : stop])
        np.testing.assert_array_equal(chunk.key, np.arange(first + 2, stop))


def test_idx_files_are_found_where_torchvision_keeps_them(tmp_path):
    write_idx(tmp_path / "MNIST" / "raw", part="t10k")
    write_idx(tmp_path / "FashionMNIST" / "raw", GRAY[:9], GRAY_LABEL[:9], part="t10k")
    assert open_source("mnist", "test", str(tmp_path)).count == 1030
    assert open_source("fashion-mnist", "test", str(tmp_path)).count == 9


def test_mnist_is_downloaded_once(tmp_path, monkeypatch):
    from advlib.vision import torchvision

    def download(self):
        calls.append(self.raw_folder)
        write_idx(tmp_path / "MNIST" / "raw", GRAY[:7], GRAY_LABEL[:7])

    calls = []
    monkeypatch.setattr(torchvision.datasets.MNIST, "download", download)
    monkeypatch.setattr(torchvision.datasets.MNIST, "_check_exists", lambda self: True)
    for _ in range(2):
        assert open_source("mnist", "train", str(tmp_path)).count == 7
    assert calls == [str(tmp_path / "MNIST" / "raw")]


def test_fashion_mnist_of_debian_is_found(tmp_path, monkeypatch):
    assert str(mnist.DEBIAN_FASHION) == "/usr/share/datasets/fashion-mnist"
    place = write_idx(tmp_path / "debian", GRAY[:9], GRAY_LABEL[:9], "t10k", pack=True)
    monkeypatch.setattr(mnist, "DEBIAN_FASHION", place)
    source = open_source("fashion-mnist", "test", str(tmp_path / "nothing"))
    assert source.count == 9 and source.class_names[9] == "Ankle boot"
    np.testing.assert_array_equal(everything(source).label, GRAY_LABEL[:9])


IDX_FAULTS = {
    "short": (lambda d: d[:-1], "only 807519 bytes after the header; expected"),
    "long": (lambda d: d + b"x", "more bytes after the header; expected"),
    "magic": (lambda d: b"PK\3\4" + d[4:], "begins with 504b0304; expected 00000803"),
    "floats": (lambda d: b"\0\0\x0d\3" + d[4:], "begins with 00000d03; expected 00000803"),
    "empty": (lambda d: b"", "begins with nothing; expected 00000803"),
    "header": (lambda d: d[:9], "ends within the header"),
    "size": (lambda d: d[:8] + struct.pack(">II", 28, 56) + d[16:], "28x56; expected 28x28"),
    "vast": (lambda d: d[:4] + b"\xff" * 4 + d[8:], "after the header; expected 3367"),
}


@pytest.mark.parametrize("fault", IDX_FAULTS)
@pytest.mark.parametrize("pack", [False, True])
def test_broken_idx_files_are_named(tmp_path, fault, pack):
    write_idx(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    change, message = IDX_FAULTS[fault]
    data = change(file.read_bytes())
    if pack:
        file.unlink()
        file, data = file.with_name(file.name + ".gz"), gzip.compress(data)
    file.write_bytes(data)
    with pytest.raises(DataError, match=f"{file.name}: .*{message}"):
        open_source(str(tmp_path))


def test_idx_files_that_disagree_are_named(tmp_path):
    write_idx(tmp_path / "a", label=GRAY_LABEL[:-1])
    with pytest.raises(DataError, match=r"labels.*: 1029 labels, but 1030 images in .*images"):
        open_source(str(tmp_path / "a"))
    with pytest.raises(DataError, match=r"no file t10k-images-idx3-ubyte or with .gz"):
        open_source(str(tmp_path / "a"), "test")
    with pytest.raises(DataError, match="no split 'extra'"):
        open_source(str(tmp_path / "a"), "extra")
    write_idx(tmp_path / "b", GRAY[:5], np.array([0, 1, 2, 11, 12], np.uint8))
    with pytest.raises(DataError, match="label 3 is 11; expected 0 to 9 for mnist"):
        open_source("mnist", root=str(tmp_path / "b"))
    with pytest.raises(DataError, match="no images of split 'train-rest'"):
        open_source(str(tmp_path / "b"), "train-rest")


def test_broken_gzip_is_named(tmp_path):
    write_idx(tmp_path, pack=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    good = file.read_bytes()
    for data in (good[:-100], b"no gzip", good[:-5] + b"12345", good[:5000] + b"~" + good[5001:]):
        file.write_bytes(data)
        with pytest.raises(DataError, match=rf"{file.name}: .*(gzip|bytes after the header)"):
            open_source(str(tmp_path))


# .npz and HDF5

PAIR_FAULTS = {
    "no label": ({"image": IMAGE, "y": LABEL}, "no 'label', but image, y; expected image and"),
    "no image": ({"x": IMAGE, "label": LABEL}, "no 'image', but .*x"),
    "floats": ({"image": IMAGE / 255, "label": LABEL}, r"float64 \(23, 5, 4, 3\); exp.*uint8"),
    "channels first": (
        {"image": IMAGE.transpose(0, 3, 1, 2).copy(), "label": LABEL},
        r"image is \(23, 3, 5, 4\), with channels first; expected channels last",
    ),
    "flat": ({"image": IMAGE[..., 0], "label": LABEL}, r"\(23, 5, 4\); expected .* with 1 or 3"),
    "five": ({"image": IMAGE[..., [0] * 5], "label": LABEL}, r"5\); expected .* with 1 or 3 chann"),
    "none": ({"image": IMAGE[:0], "label": LABEL[:0]}, "without images"),
    "one hot": ({"image": IMAGE, "label": np.eye(3, dtype=int)[LABEL]}, r"label.*\(23, 3\)"),
    "float label": ({"image": IMAGE, "label": LABEL * 1.0}, r"float64 \(23,\); exp.*integers"),
    "count": ({"image": IMAGE, "label": LABEL[1:]}, "22 labels, but 23 images"),
}


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
@pytest.mark.parametrize("fault", PAIR_FAULTS)
def test_wrong_arrays_are_named(tmp_path, fault, write):
    arrays, message = PAIR_FAULTS[fault]
    path = write(tmp_path / ("x.npz" if write is write_npz else "x.h5"), **arrays)
    with pytest.raises(DataError, match=f"x.(npz|h5): .*{message}"):
        open_source(str(path))


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
@pytest.mark.parametrize("wrong", [np.int64(-1), np.uint64(2**63), np.int32(2**20)])
def test_labels_that_are_no_class_are_named_when_reached(tmp_path, write, wrong):
    label = LABEL.astype(wrong.dtype)
    label[15] = wrong
    path = write(tmp_path / ("x.npz" if write is write_npz else "x.h5"), image=IMAGE, label=label)
    chunks = open_source(str(path)).chunks(2, 7)
    assert next(chunks).key.tolist() == list(range(2, 9))
    with pytest.raises(DataError, match=f"label 15 is {label[15]}; expected 0 to 1048575"):
        next(chunks)


@pytest.mark.parametrize("write", [write_npz, write_hdf5])
def test_gray_images_keep_one_channel(tmp_path, write):
    path = tmp_path / ("x.npz" if write is write_npz else "x.h5")
    source = open_source(str(write(path, image=IMAGE[..., :1], label=LABEL)))
    assert source.shape == (5, 4, 1)
    np.testing.assert_array_equal(everything(source).image, IMAGE[..., :1])


def test_npz_of_other_orders_and_objects_is_refused(tmp_path):
    path = write_npz(tmp_path / "f.npz", image=np.asfortranarray(IMAGE), label=LABEL)
    with pytest.raises(DataError, match="image is in Fortran order"):
        open_source(str(path))
    path = tmp_path / "o.npz"
    for arrays in (
        {"image": IMAGE.astype(object), "label": LABEL},
        {"image": IMAGE, "label": LABEL.astype(object)},
    ):
        np.savez(path, allow_pickle=True, **arrays)
        with pytest.raises(DataError, match=r"o.npz: (image|label) holds Python objects"):
            open_source(str(path))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npz_of_every_header_version_is_read(tmp_path, version):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for key, array in (("image", IMAGE), ("label", LABEL)):
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, version)
            archive.writestr(f"{key}.npy", stream.getvalue())
    source = open_source(str(tmp_path / "x.npz"))
    np.testing.assert_array_equal(everything(source, 5).image, IMAGE[5:])


@pytest.mark.parametrize("form", ["stored", "deflated", "h5"])
def test_files_cut_short_are_named(forms, form, tmp_path):
    data = forms[form].read_bytes()
    path = tmp_path / forms[form].name
    for size in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=f"{path.name}: (broken or cut short|not readable)"):
            everything(open_source(str(path)))


def test_npz_members_of_other_kinds_are_named(tmp_path):
    path = tmp_path / "x.npz"
    for text, method, message in (
        (b"hello there", zipfile.ZIP_STORED, "image is no NumPy array"),
        (idx_bytes(GRAY[:1]), zipfile.ZIP_BZIP2, "image is encrypted or not stored or deflated"),
        (
            b"\x93NUMPY\1\0\x36\0" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
            zipfile.ZIP_STORED,
            "image is no NumPy array",
        ),
    ):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("image.npy", text)
            archive.writestr("label.npy", text)
        with pytest.raises(DataError, match=message):
            open_source(str(path))
    stream = io.BytesIO()
    np.lib.format.write_array(stream, IMAGE)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", stream.getvalue()[:-7])
        with archive.open("label.npy", "w") as member:
            np.lib.format.write_array(member, LABEL)
    with pytest.raises(DataError, match="image takes 1501 bytes; expected 1508"):
        open_source(str(path))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_npz_is_read_rightly_or_refused(forms, tmp_path_factory, data):
    form = data.draw(st.sampled_from(["stored", "deflated"]))
    good = forms[form].read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(good[:at] + bytes([value]) + good[at + 1 :])
    try:
        chunk = everything(open_source(str(path)))
    except DataError:
        return
    np.testing.assert_array_equal(chunk.image, IMAGE)
    np.testing.assert_array_equal(chunk.label, LABEL)


PEAK = """
import sys
from advlib.shards.sources import NAMED, mnist, open_source
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
import h5py
before, total = peak(), 0
for chunk in open_source(sys.argv[1]).chunks(int(sys.argv[2])):
    total += int(chunk.image[:, 0, 0, 0].sum(dtype=int)) + int(chunk.label.sum())
print(total, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("form", ["deflated", "stored", "hdf5"])
def test_a_large_file_is_read_in_little_memory(tmp_path, form):
    n, start = 60_000, 1500
    image = np.broadcast_to(np.arange(n).astype(np.uint8)[:, None, None, None], (n, 32, 32, 3))
    label = np.arange(n) % 10
    path = tmp_path / ("x.h5" if form == "hdf5" else "x.npz")
    if form == "hdf5":
        write_hdf5(path, image=image, label=label)
    else:
        (np.savez if form == "stored" else np.savez_compressed)(path, image=image, label=label)
    command = [sys.executable, "-c", PEAK, str(path), str(start)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    total, kib = map(int, out.split())
    assert total == (np.arange(n) % 256)[start:].sum() + label[start:].sum()
    assert kib < 40_000  # of 184 MB


def test_hdf5_of_other_things_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_group("image")
        file["label"] = LABEL
    with pytest.raises(DataError, match="image is no array; expected a data set of numbers"):
        open_source(str(path))
    with h5py.File(path, "w") as file:
        file["image"] = IMAGE
        file["label"] = ["a"] * N
    with pytest.raises(DataError, match="label holds Python objects"):
        open_source(str(path))
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(DataError, match=r"x.h5: not readable .*expected HDF5"):
        open_source(str(path))


# Folders of images


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "PNG"])
def test_image_files_of_lossless_kinds_are_exact(tmp_path, suffix):
    source = open_source(str(write_folder(tmp_path / "d", suffix=suffix)))
    assert source.class_names == ("class0", "class1", "class2")
    chunk = everything(source)
    np.testing.assert_array_equal(chunk.image, IMAGE)
    np.testing.assert_array_equal(chunk.label, LABEL)
    names = [f"class{number}/{i:03}.{suffix}" for i, number in enumerate(LABEL)]
    assert chunk.fields["file"].tolist() == names
    assert open_source(str(tmp_path / "d")).identity["count"] == N


def test_jpeg_and_webp_are_read(tmp_path):
    flat = np.full((1, 8, 8, 3), 128, np.uint8)
    for suffix in ("jpg", "jpeg", "webp"):
        chunk = everything(open_source(str(write_folder(tmp_path / suffix, flat, [0], suffix))))
        assert abs(chunk.image.astype(int) - 128).max() <= 1


def test_gray_palette_and_transparent_pictures_become_rgb(tmp_path):
    place = tmp_path / "c"
    place.mkdir()
    levels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
    gray = Image.fromarray(levels)
    alpha = Image.merge("LA", (gray, gray))
    palette = gray.quantize(16)
    gray.save(place / "1.png")
    gray.convert("RGB").save(place / "2.png", transparency=(16, 16, 16))
    alpha.save(place / "3.png")
    alpha.convert("RGBA").save(place / "4.png")
    palette.save(place / "5.png", transparency=bytes(range(16)))
    gray.convert("1").save(place / "6.png")
    chunk = everything(open_source(str(tmp_path)))
    for image in chunk.image[:5]:
        np.testing.assert_array_equal(image, np.repeat(levels[..., None], 3, axis=2))
    assert set(np.unique(chunk.image[5])) <= {0, 255}


def test_hidden_and_other_files_are_passed_over(tmp_path):
    write_folder(tmp_path)
    for name in (".hidden/x.png", "class0/.x.png", "class0/notes.txt", "class1/x.gif", "top.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"nothing")
    np.testing.assert_array_equal(everything(open_source(str(tmp_path))).image, IMAGE)


def test_folders_without_images_are_named(tmp_path):
    with pytest.raises(DataError, match="no folders in it; expected a folder of images per class"):
        open_source(str(tmp_path))
    write_folder(tmp_path)
    (tmp_path / "class1b").mkdir()
    with pytest.raises(DataError, match=r"class1b: no images; expected files in .bmp .jpeg"):
        open_source(str(tmp_path))


def test_images_of_two_shapes_are_both_named(tmp_path):
    write_folder(tmp_path)
    Image.fromarray(IMAGE[0, :3]).save(tmp_path / "class1" / "zz.png")
    with pytest.raises(DataError, match=r"class1/zz.png: 3x4x3, but class0/000.png is 5x4x3"):
        everything(open_source(str(tmp_path)))


def png(depth, kind, pixels) -> bytes:
    def block(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 2, 1, depth, kind, 0, 0, 0)
    body = block(b"IHDR", head) + block(b"IDAT", zlib.compress(b"\0" + pixels))
    return b"\x89PNG\r\n\x1a\n" + body + block(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        png(16, 2, bytes(12)),
        png(16, 0, bytes(4)),
        png(16, 6, bytes(16)),
        b"P6 2 1 65535\n" + bytes(12),
        b"P5 2 1 65535\n" + bytes(4),
        b"P5 2 1 1000\n" + bytes(4),
    ],
)
def test_pictures_of_sixteen_bits_are_refused(tmp_path, data):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ("x.png" if data[0] == 0x89 else "x.ppm")).write_bytes(data)
    with pytest.raises(DataError, match=r"c/x.p.*: over 8 bits per channel"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("data", [b"", b"junk", b"%!PS-Adobe-3.0 EPSF-3.0\n", "cut", "flipped"])
def test_broken_pictures_are_named(tmp_path, data):
    write_folder(tmp_path)
    file = tmp_path / "class2" / f"{N - 1:03}.png"
    good = file.read_bytes()
    changed = {"cut": good[: len(good) // 2], "flipped": good[:50] + b"~~" + good[52:]}
    file.write_bytes(changed.get(data, data))
    source = open_source(str(tmp_path))
    assert len(next(source.chunks(0, N - 1))) == N - 1
    with pytest.raises(DataError, match=rf"{file.name}: broken image \([^<]*\)$"):
        everything(source)


def test_class_names_decide_the_labels_of_a_folder(tmp_path):
    for name in ("truck", "cat"):
        (tmp_path / name).mkdir()
        Image.fromarray(IMAGE[0]).save(tmp_path / name / "a.png")
    source = open_source(str(tmp_path), class_names=NAMED["cifar10"].class_names)
    (chunk,) = source.chunks()
    assert chunk.label.tolist() == [3, 9] and source.class_names == NAMED["cifar10"].class_names
    with pytest.raises(DataError, match=r"truck: not one of the classes cat, dog"):
        open_source(str(tmp_path), class_names=("cat", "dog"))
